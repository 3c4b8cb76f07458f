import { createStore, useStore } from './store';

export type Theme = 'light' | 'dark';

const KEY = 'frontrow.theme'; // public/theme.js reads it, too
const system = matchMedia('(prefers-color-scheme: dark)');
const theme = createStore<Theme>(chosen() ?? ofSystem());

system.addEventListener('change', () => {
  if (!chosen()) theme.set(ofSystem());
});

/** The theme in use: the system's until the viewer chooses one. */
export function useTheme(): Theme {
  return useStore(theme);
}

export function chooseTheme(choice: Theme): void {
  document.documentElement.dataset.theme = choice;
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Storage is forbidden here: the choice lasts as long as the page.
  }
  theme.set(choice);
}

function chosen(): Theme | undefined {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : undefined;
}

function ofSystem(): Theme {
  return system.matches ? 'dark' : 'light';
}
