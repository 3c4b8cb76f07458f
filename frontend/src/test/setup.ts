import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';

import { locks } from './locks';

// Pages are loaded when they are shown, which takes a busy machine its time.
configure({ asyncUtilTimeout: 10_000 });

// What browsers have and jsdom lacks.
Object.assign(window, {
  matchMedia: (media: string) => Object.assign(new EventTarget(), { matches: false, media }),
  scrollTo: () => undefined,
});
Object.defineProperty(navigator, 'locks', { value: locks });
Object.assign(HTMLDialogElement.prototype, {
  showModal(this: HTMLDialogElement) {
    this.open = true;
  },
  close(this: HTMLDialogElement) {
    this.open = false;
  },
});

// A page's code is fetched when it is opened, which a busy machine does not do within the usual second.
configure({ asyncUtilTimeout: 10_000 });

afterEach(cleanup);
