import { act, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { StrictMode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { beforeEach, expect, test } from 'vitest';

import { session, type Account } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { ADA, asGuest, fakeFlask, refusal, signedIn } from '@/test/flask';

import { Providers } from '../providers';
import { routes } from '../router';

const VERIFY = '/api/auth/verify';
const ACCOUNT = '/rest/v1/rpc/my_account';
const SESSIONS = '/rest/v1/rpc/my_sessions';
const guest = () => ({ status: 204 });
const proven = (purpose: string) => () => ({ status: 200, body: { email: 'ada@king.example', purpose } });
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const CONFIRM = 'Confirm email address';

/** As a browser does: every render twice, which shows what happens more than once. */
function open(...addresses: string[]) {
  const router = createMemoryRouter(routes, { initialEntries: addresses });
  render(
    <StrictMode>
      <Providers>
        <RouterProvider router={router} />
      </Providers>
    </StrictMode>,
  );
  return router;
}

beforeEach(async () => {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
});

test('an address is proven by a press of a button, and not by opening the link', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, [VERIFY]: proven('verify_email') });
  open('/verify#a-token');
  await screen.findByRole('button', { name: CONFIRM });
  expect(await axeFindings()).toEqual([]);
  expect(asked.filter(({ path }) => path === VERIFY)).toEqual([]);
  await press(CONFIRM);
  const sentence = await screen.findByText('ada@king.example is confirmed.');
  expect(document.activeElement).toContainElement(sentence);
  expect(await axeFindings()).toEqual([]);
  expect(asked.filter(({ path }) => path === VERIFY).map(({ body }) => body)).toEqual([{ token: 'a-token' }]);
  await userEvent.click(screen.getAllByRole('link', { name: 'Sign in' }).at(-1) ?? document.body);
  expect(await screen.findByLabelText('Email address')).toHaveValue('ada@king.example');
});

test('the token leaves the address, and leaves nothing to go back to', async () => {
  fakeFlask({ '/api/auth/refresh': guest, [VERIFY]: proven('verify_email') });
  const router = open('/forgot', '/verify#a-token');
  await screen.findByRole('button', { name: CONFIRM });
  await waitFor(() => expect(router.state.location.hash).toBe(''));
  await act(() => router.navigate(-1));
  expect(router.state.location.pathname).toBe('/forgot');
});

test('another link that is opened in the same tab counts', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, [VERIFY]: () => refusal(410, 'link_expired') });
  const router = open('/verify#the-first');
  await press(CONFIRM);
  await screen.findByText('This link has expired or was used already');
  await act(() => router.navigate('/verify#the-second'));
  await press(CONFIRM);
  await screen.findByText('This link has expired or was used already');
  expect(asked.filter(({ path }) => path === VERIFY).map(({ body }) => body)).toEqual([
    { token: 'the-first' },
    { token: 'the-second' },
  ]);
});

test('whoever is not signed in to the account of the link gives its password', async () => {
  const answers = [
    refusal(403, 'password_required'),
    refusal(401, 'invalid_credentials'),
    proven('verify_email')(),
  ];
  const asked = fakeFlask({
    '/api/auth/refresh': guest,
    [VERIFY]: () => answers.shift() ?? refusal(410, 'link_expired'),
  });
  open('/verify#a-token');
  await press(CONFIRM);
  const password = await screen.findByLabelText('Password');
  expect(password).toHaveFocus();
  const main = within(screen.getByRole('main'));
  expect(
    main.getByText(/^To confirm, enter the password .* close this page: nothing happens\.$/),
  ).toBeVisible();
  expect(main.queryByRole('alert')).toBeNull();
  expect(screen.getByRole('link', { name: 'Forgot your password?' })).toHaveAttribute('href', '/forgot');
  expect(screen.getByRole('button', { name: 'Show password' })).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  await press(CONFIRM);
  await waitFor(() => expect(password).toHaveAccessibleDescription('Enter your password.'));
  expect(asked.filter(({ path }) => path === VERIFY)).toHaveLength(1);
  await userEvent.type(password, 'back row seats');
  await press(CONFIRM);
  await waitFor(() => expect(password).toHaveAccessibleDescription('This password is incorrect.'));
  expect(password).toHaveFocus();
  await userEvent.clear(password);
  await userEvent.type(password, 'front row seats');
  await press(CONFIRM);
  await screen.findByText('ada@king.example is confirmed.');
  expect(asked.filter(({ path }) => path === VERIFY).map(({ body }) => body)).toEqual([
    { token: 'a-token' },
    { token: 'a-token', password: 'back row seats' },
    { token: 'a-token', password: 'front row seats' },
  ]);
});

test('too many passwords have to wait, and the page says for how long', async () => {
  const answers = [
    refusal(403, 'password_required'),
    refusal(429, 'too_many_attempts', { retry_after: 300 }),
  ];
  fakeFlask({
    '/api/auth/refresh': guest,
    [VERIFY]: () => answers.shift() ?? refusal(410, 'link_expired'),
  });
  open('/verify#a-token');
  await press(CONFIRM);
  await userEvent.type(await screen.findByLabelText('Password'), 'front row seats');
  await press(CONFIRM);
  expect(await screen.findByRole('alert')).toHaveTextContent(
    'Too many attempts. Please try again in 5 minutes.',
  );
  await press(CONFIRM);
  expect(await screen.findByText('This link has expired or was used already')).toBeVisible();
});

test('a link for another account than the one that is signed in to leads to that account', async () => {
  const asked = fakeFlask({
    [VERIFY]: ({ body }) =>
      (body as { password?: string }).password === undefined
        ? refusal(403, 'password_required')
        : proven('change_email')(),
  });
  await session.enter(() => Promise.resolve(signedIn('of another')));
  open('/verify#a-token');
  await press(CONFIRM);
  await userEvent.type(await screen.findByLabelText('Password'), 'front row seats');
  await press(CONFIRM);
  await screen.findByText('Your email address is now ada@king.example. Use it to sign in from now on.');
  expect(asked.filter(({ path }) => path === VERIFY).map(({ authorization }) => authorization)).toEqual([
    'Bearer of another',
    'Bearer of another',
  ]);
  await userEvent.click(screen.getByRole('link', { name: 'Sign in' }));
  expect(await screen.findByLabelText('Email address')).toHaveValue('ada@king.example');
});

test('a session of the account proves an address without its password', async () => {
  const asked = fakeFlask({ [VERIFY]: proven('verify_email') });
  await session.enter(() => Promise.resolve(signedIn('of the account')));
  open('/verify#a-token');
  await press(CONFIRM);
  await screen.findByText('ada@king.example is confirmed.');
  expect(asked.find(({ path }) => path === VERIFY)?.authorization).toBe('Bearer of the account');
  expect(screen.getByRole('link', { name: 'Go to your account' })).toBeVisible();
});

test('who is signed in finds the new address on the account page', async () => {
  let email: string = ADA.email;
  fakeFlask({
    [VERIFY]: () => {
      email = 'ada@king.example';
      return proven('change_email')();
    },
    [ACCOUNT]: () => ({ status: 200, body: { ...ADA, email, email_verified: true } }),
    [SESSIONS]: () => ({ status: 200, body: { server_time: '2026-12-01T10:00:00Z', sessions: [] } }),
  });
  await session.enter(() => Promise.resolve(signedIn('token')));
  const router = open('/account');
  expect(await screen.findByText('Confirmed')).toBeVisible();
  expect(screen.getByText('ada@example.com')).toBeVisible();
  await act(() => router.navigate('/verify#a-token'));
  await press(CONFIRM);
  await screen.findByText('Your email address is now ada@king.example. Use it to sign in from now on.');
  await userEvent.click(screen.getByRole('link', { name: 'Go to your account' }));
  expect(await screen.findByText('ada@king.example')).toBeVisible();
});

test('what was booked with the address as a guest is among one’s tickets', async () => {
  let reads = 0;
  fakeFlask({
    [VERIFY]: proven('verify_email'),
    '/rest/v1/rpc/my_bookings': () => {
      reads += 1;
      return { status: 200, body: { server_time: '2026-12-01T10:00:00Z', bookings: [], after: null } };
    },
  });
  await session.enter(() => Promise.resolve(signedIn('token')));
  const router = open('/bookings');
  await screen.findByText('No tickets yet');
  await act(() => router.navigate('/verify#a-token'));
  await press(CONFIRM);
  await screen.findByText('ada@king.example is confirmed.');
  await act(() => router.navigate('/bookings'));
  await waitFor(() => expect(reads).toBe(2));
});

test('a link that is too old says what to do', async () => {
  fakeFlask({ '/api/auth/refresh': guest, [VERIFY]: () => refusal(410, 'link_expired') });
  const router = open('/verify#a-token');
  await press(CONFIRM);
  const title = await screen.findByText('This link has expired or was used already');
  expect(document.activeElement).toContainElement(title);
  expect(screen.getByText(/If not, sign in to get a new link\.$/)).toBeVisible();
  await userEvent.click(screen.getAllByRole('link', { name: 'Sign in' }).at(-1) ?? document.body);
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(router.state.location.search).toBe('?return=%2Faccount');
});

const as = (user: Partial<Account>) => () =>
  Promise.resolve({ ...signedIn('token'), user: { ...ADA, ...user } });

test.each([
  ['a guest', () => Promise.resolve(asGuest()), /sign in to get a new link\.$/, 'Sign in'],
  [
    'who has yet to prove an address',
    as({ email_verified: false }),
    /send a new link from your account page\.$/,
    'Go to your account',
  ],
  [
    'who has proven one',
    as({ email_verified: true }),
    /start again on your account page\.$/,
    'Go to your account',
  ],
])('only an account that can send a new link is said to: %s', async (_who, enter, sentence, way) => {
  fakeFlask({ [VERIFY]: () => refusal(410, 'link_expired') });
  await session.enter(enter);
  open('/verify#a-token');
  await press(CONFIRM);
  const main = within(screen.getByRole('main'));
  expect(await main.findByText(sentence)).toBeVisible();
  expect(main.getByRole('link', { name: way })).toBeVisible();
});

test('a server that does not answer may be asked again', async () => {
  const answers = [refusal(503, 'busy'), proven('verify_email')()];
  fakeFlask({ '/api/auth/refresh': guest, [VERIFY]: () => answers.shift() ?? refusal(410, 'link_expired') });
  open('/verify#a-token');
  await press(CONFIRM);
  expect(await screen.findByRole('alert')).toHaveTextContent(/^Frontrow is busy right now/);
  await press(CONFIRM);
  expect(await screen.findByText('ada@king.example is confirmed.')).toBeVisible();
});

test('a link without its token asks for the whole link', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  open('/verify');
  expect(await screen.findByText('This link is not complete')).toBeVisible();
  expect(screen.queryByRole('button', { name: CONFIRM })).toBeNull();
});
