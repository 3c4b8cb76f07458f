import { render, type RenderResult } from '@testing-library/react';
import { createMemoryRouter, RouterProvider, type RouteObject } from 'react-router';

import { Providers } from '@/app/providers';

/** Render routes at an address inside what the page is wrapped in. */
export function renderRoutes(routes: RouteObject[], address: string): RenderResult {
  return render(
    <Providers>
      <RouterProvider router={createMemoryRouter(routes, { initialEntries: [address] })} />
    </Providers>,
  );
}
