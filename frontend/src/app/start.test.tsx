import { act, screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';

import { fakeFlask } from '@/test/flask';

import { start } from './start';

// Node loads it with another instance of the router than the one whose links and hooks the page uses.
vi.mock('react-router/dom', () => import('react-router'));

test('back from the bank and signed out, the address of the sign-in has no client secret either', async () => {
  fakeFlask({ '/api/auth/refresh': () => ({ status: 204 }) });
  const search = 'payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_x&redirect_status=succeeded';
  history.replaceState(null, '', `/checkout/b7?${search}`);
  const root = document.body.appendChild(document.createElement('div'));
  const stops: (() => void)[] = [];
  act(() => {
    stops.push(start(root));
  });
  await screen.findByRole('button', { name: 'Sign in' });
  expect(location.pathname + location.search).toBe('/sign-in?return=%2Fcheckout%2Fb7');
  act(() => stops.forEach((stop) => stop()));
  root.remove();
});
