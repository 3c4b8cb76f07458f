import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import { fakeFlask } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';
import { ErrorPage } from '../routes/error-page';

beforeEach(() => void fakeFlask({ '/api/auth/refresh': () => ({ status: 204 }) }));

test('the theme follows the system until one is chosen', async () => {
  renderRoutes(routes, '/');
  expect(document.documentElement.dataset.theme).toBeUndefined();
  await userEvent.click(await screen.findByRole('button', { name: 'Switch to dark' }));
  expect(document.documentElement.dataset.theme).toBe('dark');
  expect(localStorage.getItem('frontrow.theme')).toBe('dark');
  expect(screen.getByRole('button', { name: 'Switch to light' })).toHaveFocus();
});

test('an address that is none offers a way on', async () => {
  renderRoutes(routes, '/nowhere');
  expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeVisible();
  expect(screen.getByRole('link', { name: 'See what’s on' })).toHaveAttribute('href', '/');
});

test('a page that breaks offers a way on', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const Torn = () => {
    throw new Error('torn');
  };
  renderRoutes([{ path: '/', element: <Torn />, errorElement: <ErrorPage /> }], '/');
  expect(await screen.findByRole('alert')).toHaveTextContent('Something went wrong');
  expect(screen.getByRole('button', { name: 'Reload page' })).toBeVisible();
});

test('being offline is said', async () => {
  renderRoutes(routes, '/');
  await screen.findByRole('heading', { name: 'What’s on' });
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  dispatchEvent(new Event('offline'));
  expect(await screen.findByText(/^You are offline\./)).toBeVisible();
  vi.restoreAllMocks();
  // Other tests share TanStack Query, which remembers being offline.
  dispatchEvent(new Event('online'));
  await waitFor(() => expect(screen.queryByText(/^You are offline\./)).toBeNull());
});
