import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';

import { takeSecretFromAddress } from '@/features/checkout/lib/client-secret';

import { Providers } from './providers';
import { createRouter } from './router';

/** Show the page; what is returned removes it. */
export function start(element: HTMLElement): () => void {
  takeSecretFromAddress();
  const root = createRoot(element);
  root.render(
    <StrictMode>
      <Providers>
        <RouterProvider router={createRouter()} />
      </Providers>
    </StrictMode>,
  );
  return () => root.unmount();
}
