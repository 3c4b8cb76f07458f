import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, vi } from 'vitest';

import { locks } from './locks';

// Pages are loaded when they are shown, which takes a busy machine its time.
configure({ asyncUtilTimeout: 10_000 });

// What browsers have and jsdom lacks.
Object.assign(window, {
  matchMedia: (media: string) => Object.assign(new EventTarget(), { matches: false, media }),
  scrollTo: () => undefined,
});
Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
Object.assign(HTMLDialogElement.prototype, {
  showModal(this: HTMLDialogElement) {
    this.open = true;
  },
  close(this: HTMLDialogElement) {
    this.open = false;
  },
});

afterEach(cleanup);

// Files share one window and one registry of modules: each begins with an empty one.
afterAll(() => {
  vi.resetModules();
  localStorage.clear();
  sessionStorage.clear();
  delete document.documentElement.dataset.theme;
});
