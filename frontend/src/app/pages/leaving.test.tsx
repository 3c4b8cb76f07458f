import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { ADA, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const rpc = (name: string) => `/rest/v1/rpc/${name}`;
const DELETE = '/api/auth/delete-account';
const NO_FACTOR = { confirmed_at: null, recovery_codes_left: 0, is_demanded: false };

const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));

async function openAccount(answer: Parameters<typeof fakeFlask>[0][string]): Promise<Asked[]> {
  const asked = fakeFlask({
    [rpc('my_account')]: () => ({ status: 200, body: { ...ADA, email_verified: true } }),
    [rpc('my_sessions')]: () => ({
      status: 200,
      body: { server_time: '2026-12-01T10:00:00Z', sessions: [] },
    }),
    [rpc('my_second_factor')]: () => ({ status: 200, body: NO_FACTOR }),
    '/api/auth/logout': () => ({ status: 204 }),
    [DELETE]: answer,
  });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await screen.findByRole('button', { name: 'Delete account' });
  return asked;
}

async function deleteIt(password: string) {
  await press('Delete account');
  await userEvent.type(await field('Current password'), password);
  await press('Delete my account');
}

beforeEach(async () => {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
});

test('what happens is said before an account is deleted, and nothing happens by one press', async () => {
  const asked = await openAccount(() => refusal(500, 'internal'));
  expect(screen.getByText(/^This signs you out everywhere and deletes your name/)).toBeVisible();
  await press('Delete account');
  expect(await field('Current password')).toHaveFocus();
  expect(await axeFindings()).toEqual([]);
  await press('Delete my account');
  expect(await field('Current password')).toHaveAccessibleDescription('Enter your password.');
  await press('Cancel');
  expect(screen.getByRole('button', { name: 'Delete account' })).toHaveFocus();
  expect(asked.filter(({ path }) => path === DELETE)).toEqual([]);
});

test('an account with nothing open is deleted at once, and nobody is signed in', async () => {
  const asked = await openAccount(() => ({ status: 200, body: { status: 'deleted', until: null } }));
  await deleteIt('front row seats');
  expect(await screen.findByText('Your account has been deleted.')).toBeVisible();
  expect(session.state.get()).toEqual({ status: 'signed-out', ended: false });
  expect(await axeFindings()).toEqual([]);
  expect(asked.find(({ path }) => path === DELETE)?.body).toEqual({ password: 'front row seats' });
});

test('an account with tickets says when it will be deleted, and how it is kept', async () => {
  await openAccount(() => ({ status: 200, body: { status: 'scheduled', until: '2026-12-05T21:00:00Z' } }));
  await deleteIt('front row seats');
  expect(
    await screen.findByText('Your account will be deleted after Saturday 5 December 2026, 21:00.'),
  ).toBeVisible();
  expect(screen.getByText(/If you sign in before then, you keep your account/)).toBeVisible();
});

test('a wrong password deletes nothing', async () => {
  await openAccount(() => refusal(401, 'invalid_credentials'));
  await deleteIt('wrong');
  await waitFor(async () =>
    expect(await field('Current password')).toHaveAccessibleDescription('This password is incorrect.'),
  );
  expect(session.state.get().status).toBe('signed-in');
});

test('who comes by the address is told nothing that has not happened', async () => {
  fakeFlask({ '/api/auth/refresh': () => ({ status: 204 }) });
  renderRoutes(routes, '/goodbye');
  expect(await screen.findByRole('heading', { name: 'What’s on' })).toBeVisible();
});
