import '@/config/zod';

import './styles.css';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');

// Fetched apart, so that a page that was built without its settings says which ones instead of staying blank.
import('./start').then(
  ({ start }) => start(root),
  (error: unknown) => {
    root.textContent = error instanceof Error ? error.message : String(error);
  },
);
