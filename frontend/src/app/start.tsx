import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';

import { takeSecretFromAddress } from '@/features/checkout/lib/client-secret';

import { Providers } from './providers';
import { createRouter } from './router';

/** Show the page. */
export function start(element: HTMLElement): void {
  takeSecretFromAddress();
  createRoot(element).render(
    <StrictMode>
      <Providers>
        <RouterProvider router={createRouter()} />
      </Providers>
    </StrictMode>,
  );
}
