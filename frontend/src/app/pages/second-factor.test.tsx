import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { ADA, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const rpc = (name: string) => `/rest/v1/rpc/${name}`;
const LOGIN = '/api/auth/login';
const FACTOR = '/api/auth/second-factor';
const CODES = ['ABCD-EFGH-IJKL-MNOP', 'QRST-UVWX-YZ23-4567'];

/** What the database says of the second factor. */
let factor: { confirmed_at: string | null; recovery_codes_left: number; is_demanded: boolean };

function serve(answers: Parameters<typeof fakeFlask>[0] = {}): Asked[] {
  return fakeFlask({
    '/api/auth/refresh': () => ({ status: 204 }),
    [rpc('my_account')]: () => ({ status: 200, body: { ...ADA, email_verified: true } }),
    [rpc('my_sessions')]: () => ({
      status: 200,
      body: { server_time: '2026-12-01T10:00:00Z', sessions: [] },
    }),
    [rpc('my_second_factor')]: () => ({ status: 200, body: factor }),
    ...answers,
  });
}

const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const bodies = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ body }) => body);

async function openAccount() {
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await screen.findByRole('button', { name: 'Download my data' });
}

beforeEach(async () => {
  factor = { confirmed_at: null, recovery_codes_left: 0, is_demanded: false };
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
});

const begun = () => ({
  status: 200,
  body: {
    secret: 'ABCDEFGH234567IJKLMNOPQRSTUVWXYZ',
    uri: 'otpauth://totp/x',
    qr: { size: 21, path: 'M0 0h1v1' },
  },
});

/** Sets it up as far as the code that the app shows. */
/** The token that is asked for when a factor has been set up. */
const renewed = () => ({ status: 200, body: signedIn('of two factors') });

async function setUp() {
  await openAccount();
  await press('Set up');
  await userEvent.type(await field('Current password'), 'front row seats');
  await press('Next');
  await userEvent.type(await field('Code shown by the app'), '123 456');
  await press('Turn on');
}

test('it is set up by password, picture and code, and its recovery codes are shown until they are saved', async () => {
  const asked = serve({
    '/api/auth/refresh': renewed,
    [`${FACTOR}/begin`]: begun,
    [`${FACTOR}/confirm`]: () => {
      factor = { confirmed_at: '2026-12-01T10:00:00Z', recovery_codes_left: 2, is_demanded: false };
      return { status: 200, body: { recovery_codes: CODES } };
    },
  });
  await openAccount();
  await press('Set up');
  expect(await field('Current password')).toHaveFocus();
  await userEvent.type(await field('Current password'), 'front row seats');
  await press('Next');
  expect(await screen.findByRole('img', { name: 'QR code for your authenticator app' })).toBeVisible();
  expect(screen.getByText('ABCD EFGH 2345 67IJ KLMN OPQR STUV WXYZ')).toBeVisible();
  expect(await field('Code shown by the app')).toHaveAttribute('autocomplete', 'one-time-code');
  expect(await axeFindings()).toEqual([]);
  await userEvent.type(await field('Code shown by the app'), '123 456');
  await press('Turn on');
  const codes = await screen.findByRole('list', { name: 'Recovery codes' });
  expect(screen.getByRole('heading', { name: 'Save your recovery codes' })).toHaveFocus();
  expect(await axeFindings()).toEqual([]);
  // The state is read anew meanwhile, and says that it is on.
  await waitFor(() => expect(bodies(asked, rpc('my_second_factor'))).toHaveLength(2));
  expect(
    within(codes)
      .getAllByRole('listitem')
      .map((each) => each.textContent),
  ).toEqual(CODES);
  await press('I have saved them');
  expect(await screen.findByText('On since Tuesday 1 December 2026.')).toBeVisible();
  expect(screen.getByText('2 recovery codes left.')).toBeVisible();
  expect(screen.queryByText('ABCD-EFGH-IJKL-MNOP')).toBeNull();
  expect(screen.getByRole('heading', { name: 'Two-step verification' })).toHaveFocus();
  expect(bodies(asked, `${FACTOR}/begin`)).toEqual([{ password: 'front row seats' }]);
  expect(bodies(asked, `${FACTOR}/confirm`)).toEqual([{ code: '123 456' }]);
  // The token from before says nothing of a second factor.
  await expect(session.accessToken()).resolves.toBe('of two factors');
});

test('recovery codes are copied, and where they cannot be it is said', async () => {
  serve({
    '/api/auth/refresh': renewed,
    [`${FACTOR}/begin`]: begun,
    [`${FACTOR}/confirm`]: () => ({ status: 200, body: { recovery_codes: CODES } }),
  });
  await setUp();
  await screen.findByRole('list', { name: 'Recovery codes' });
  const writeText = vi.fn().mockRejectedValueOnce(new DOMException('not allowed'));
  Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true });
  await press('Copy');
  expect(await screen.findByRole('alert')).toHaveTextContent(/^They could not be copied/);
  await press('Copy');
  expect(await screen.findByText('Recovery codes copied.')).toBeInTheDocument();
  expect(screen.queryByRole('alert')).toBeNull();
  expect(writeText).toHaveBeenLastCalledWith('ABCD-EFGH-IJKL-MNOP\nQRST-UVWX-YZ23-4567');
});

test('a wrong password begins nothing, and a wrong code turns nothing on', async () => {
  const begin = vi.fn(begun).mockReturnValueOnce(refusal(401, 'invalid_credentials') as never);
  serve({ [`${FACTOR}/begin`]: begin, [`${FACTOR}/confirm`]: () => refusal(422, 'invalid_code') });
  await openAccount();
  await press('Set up');
  await userEvent.type(await field('Current password'), 'wrong');
  await press('Next');
  await waitFor(async () =>
    expect(await field('Current password')).toHaveAccessibleDescription('This password is incorrect.'),
  );
  await press('Next');
  const code = await field('Code shown by the app');
  await userEvent.type(code, '000000');
  await press('Turn on');
  await waitFor(() => expect(code).toHaveAccessibleDescription(/That code is wrong/));
  expect(code).toHaveFocus();
  await press('Cancel');
  expect(screen.getByRole('button', { name: 'Set up' })).toHaveFocus();
});

test('staff who have none are told what they lack', async () => {
  factor.is_demanded = true;
  serve();
  await openAccount();
  expect(screen.getByText(/^Your cinema asks its staff to use it/)).toBeVisible();
});

test.each([
  ['code', false, '123456'],
  ['recovery_code', true, 'ABCD-EFGH-IJKL-MNOP'],
])('it is turned off by the password and a %s', async (kind, byRecovery, proof) => {
  factor = { confirmed_at: '2026-12-01T10:00:00Z', recovery_codes_left: 0, is_demanded: false };
  const asked = serve({
    [`${FACTOR}/remove`]: () => {
      factor.confirmed_at = null;
      return { status: 204 };
    },
  });
  await openAccount();
  expect(screen.getByText(/^You have used all recovery codes/)).toBeVisible();
  await press('Turn off');
  await userEvent.type(await field('Current password'), 'front row seats');
  if (byRecovery) await press('Use a recovery code instead');
  await userEvent.type(await field(byRecovery ? 'Recovery code' : 'Code from your authenticator app'), proof);
  expect(await axeFindings()).toEqual([]);
  await press('Turn off two-step verification');
  expect(await screen.findByRole('button', { name: 'Set up' })).toBeVisible();
  expect(screen.getByText('Two-step verification is off.')).toBeInTheDocument();
  expect(screen.getByRole('heading', { name: 'Two-step verification' })).toHaveFocus();
  expect(bodies(asked, `${FACTOR}/remove`)).toEqual([{ password: 'front row seats', [kind]: proof }]);
});

const challenged = () => ({
  status: 200,
  body: { second_factor: true, challenge: 'a.challenge.x', expires_in: 300 },
});

async function givePassword() {
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
}

test('an account that asks for a code is signed in by it, and not before', async () => {
  const answers = [refusal(422, 'invalid_code'), { status: 200, body: signedIn('token') }];
  const asked = serve({
    [LOGIN]: challenged,
    [FACTOR]: () => answers.shift() ?? refusal(401, 'sign_in_expired'),
  });
  renderRoutes(routes, '/sign-in?return=%2Faccount');
  await givePassword();
  const code = await field('Code from your authenticator app');
  expect(code).toHaveFocus();
  expect(code).toHaveAttribute('autocomplete', 'one-time-code');
  expect(await axeFindings()).toEqual([]);
  expect(session.state.get().status).toBe('signed-out');
  await userEvent.type(code, '000000');
  await press('Sign in');
  await waitFor(() => expect(code).toHaveAccessibleDescription(/That code is wrong/));
  expect(code).toHaveFocus();
  await userEvent.clear(code);
  await userEvent.type(code, '123456');
  await press('Sign in');
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
  expect(bodies(asked, FACTOR)).toEqual([
    { challenge: 'a.challenge.x', code: '000000' },
    { challenge: 'a.challenge.x', code: '123456' },
  ]);
});

test('who has lost the phone signs in by a recovery code', async () => {
  const asked = serve({ [LOGIN]: challenged, [FACTOR]: () => ({ status: 200, body: signedIn('token') }) });
  renderRoutes(routes, '/sign-in?return=%2Faccount');
  await givePassword();
  await press('Use a recovery code instead');
  await userEvent.type(await field('Recovery code'), 'abcd efgh');
  await press('Sign in');
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
  expect(bodies(asked, FACTOR)).toEqual([{ challenge: 'a.challenge.x', recovery_code: 'abcd efgh' }]);
});

test('a sign-in that took too long begins anew, with the address', async () => {
  serve({ [LOGIN]: challenged, [FACTOR]: () => refusal(401, 'sign_in_expired') });
  renderRoutes(routes, '/sign-in');
  await givePassword();
  await userEvent.type(await field('Code from your authenticator app'), '123456');
  await press('Sign in');
  expect(await screen.findByRole('alert')).toHaveTextContent('That took too long. Please sign in again.');
  expect(await field('Email address')).toHaveValue('ada@example.com');
  expect(await field('Password')).toHaveValue('');
});
