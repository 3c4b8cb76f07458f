import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { ADA, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const rpc = (name: string) => `/rest/v1/rpc/${name}`;
const CHANGE_EMAIL = '/api/auth/change-email';
const CHANGE_PASSWORD = '/api/auth/change-password';

const LAPTOP = {
  id: 'laptop',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  created_at: '2026-11-30T09:00:00Z',
  last_used_at: '2026-12-01T09:59:00Z',
  current: true,
};
const PHONE = {
  id: 'phone',
  user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1',
  created_at: '2026-11-20T18:30:00Z',
  last_used_at: '2026-12-01T08:00:00Z',
  current: false,
};

const FACTOR = { confirmed_at: null, recovery_codes_left: 0, is_demanded: false };

/** What the database says of the account, and of its sessions. */
let verified: boolean;
let sessions: (typeof LAPTOP)[];

const sessionsAnswer = () => ({ status: 200, body: { server_time: '2026-12-01T10:00:00Z', sessions } });

function serve(answers: Parameters<typeof fakeFlask>[0] = {}): Asked[] {
  return fakeFlask({
    [rpc('my_account')]: () => ({ status: 200, body: { ...ADA, email_verified: verified } }),
    [rpc('my_sessions')]: sessionsAnswer,
    [rpc('my_second_factor')]: () => ({ status: 200, body: FACTOR }),
    ...answers,
  });
}

async function openAccount() {
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await screen.findByText('Firefox on Linux');
  await screen.findByText(verified ? 'Confirmed' : 'Not confirmed yet');
}

const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const bodies = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ body }) => body);

beforeEach(() => {
  verified = true;
  sessions = [LAPTOP, PHONE];
});

test('an address that is confirmed says so, and asks for nothing', async () => {
  serve();
  await openAccount();
  expect(screen.queryByRole('button', { name: 'Send the link again' })).toBeNull();
  expect(await axeFindings()).toEqual([]);
});

test('the link that proves an address is sent again', async () => {
  verified = false;
  const SEND = rpc('send_verification_again');
  const asked = serve({ [SEND]: () => ({ status: 200, body: { sent_to: 'ada@example.com' } }) });
  await openAccount();
  expect(await axeFindings()).toEqual([]);
  await press('Send the link again');
  expect(await screen.findByText(/^We have sent a link to ada@example\.com\./)).toBeVisible();
  expect(bodies(asked, SEND)).toHaveLength(1);
});

test('a link that was sent too often says for how long', async () => {
  verified = false;
  serve({
    [rpc('send_verification_again')]: () => refusal(429, 'too_many_attempts', { retry_after: 7200 }),
  });
  await openAccount();
  await press('Send the link again');
  expect(await screen.findByRole('alert')).toHaveTextContent('Please try again in 2 hours.');
});

test('an account that cannot be read leaves what the session knows', async () => {
  serve({ [rpc('my_account')]: () => refusal(500, 'internal') });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  expect(await screen.findByText('We could not check whether it is confirmed.')).toBeVisible();
  expect(screen.getByText('ada@example.com')).toBeVisible();
});

test('another address is asked for with the password, and is none before its link is opened', async () => {
  const asked = serve({ [CHANGE_EMAIL]: () => ({ status: 202, body: {} }) });
  await openAccount();
  await press('Change email address');
  expect(await field('New email address')).toHaveFocus();
  expect(await axeFindings()).toEqual([]);
  await userEvent.type(await field('New email address'), ' ada@king.example ');
  await userEvent.type(await field('Current password'), 'front row seats');
  await press('Send link');
  expect(
    await screen.findByText(
      'We have sent a link to ada@king.example. Your address changes when you open it; until then it is ada@example.com.',
    ),
  ).toBeVisible();
  expect(screen.getByText('ada@example.com')).toBeVisible();
  expect(screen.getByRole('button', { name: 'Change email address' })).toHaveFocus();
  expect(bodies(asked, CHANGE_EMAIL)).toEqual([{ email: 'ada@king.example', password: 'front row seats' }]);
});

test.each([
  ['invalid_email', 422, 'New email address', 'Enter a valid email address.'],
  ['invalid_credentials', 401, 'Current password', 'This password is incorrect.'],
])('what is wrong with a change of address is said next to it: %s', async (code, status, label, sentence) => {
  serve({ [CHANGE_EMAIL]: () => refusal(status, code) });
  await openAccount();
  await press('Change email address');
  await userEvent.type(await field('New email address'), 'ada@king.example');
  await userEvent.type(await field('Current password'), 'front row seats');
  await press('Send link');
  await waitFor(async () => expect(await field(label)).toHaveAccessibleDescription(sentence));
  expect(await field(label)).toHaveFocus();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('another password takes the one so far, and other devices are signed out', async () => {
  const asked = serve({
    [CHANGE_PASSWORD]: () => {
      sessions = [LAPTOP];
      return { status: 204 };
    },
  });
  await openAccount();
  await press('Change password');
  expect(await field('Current password')).toHaveFocus();
  expect(await field('Current password')).toHaveAttribute('autocomplete', 'current-password');
  expect(await field('New password')).toHaveAttribute('autocomplete', 'new-password');
  expect(await axeFindings()).toEqual([]);
  await userEvent.type(await field('Current password'), 'front row seats');
  await userEvent.type(await field('New password'), 'back row popcorn');
  await press('Save password');
  expect(
    await screen.findByText('Password changed. Your other devices were signed out.'),
  ).toBeInTheDocument();
  expect(screen.getByRole('button', { name: 'Change password' })).toHaveFocus();
  await waitFor(() => expect(screen.queryByText('Safari on iPhone')).toBeNull());
  expect(bodies(asked, CHANGE_PASSWORD)).toEqual([
    { current_password: 'front row seats', new_password: 'back row popcorn' },
  ]);
});

test.each([
  ['weak_password', 422, 'New password', /that is not easy to guess\.$/],
  ['invalid_credentials', 401, 'Current password', /^This password is incorrect\.$/],
])(
  'what is wrong with a change of password is said next to it: %s',
  async (code, status, label, sentence) => {
    serve({ [CHANGE_PASSWORD]: () => refusal(status, code) });
    await openAccount();
    await press('Change password');
    await userEvent.type(await field('Current password'), 'front row seats');
    await userEvent.type(await field('New password'), 'iloveyou123');
    await press('Save password');
    await waitFor(async () => expect(await field(label)).toHaveAccessibleDescription(sentence));
    expect(await field(label)).toHaveFocus();
    await press('Cancel');
    expect(screen.getByRole('button', { name: 'Change password' })).toHaveFocus();
  },
);

test('devices are told apart by browser and time, and all but this one can be signed out', async () => {
  const END = rpc('end_my_session');
  const asked = serve({
    [END]: () => {
      sessions = [LAPTOP];
      return { status: 204 };
    },
  });
  await openAccount();
  const [laptop, phone] = screen.getAllByRole('listitem');
  if (!laptop || !phone) throw new Error('two devices are expected');
  expect(laptop).toHaveTextContent('This device');
  expect(within(laptop).queryByRole('button')).toBeNull();
  expect(phone).toHaveTextContent('Safari on iPhone');
  expect(phone).toHaveTextContent('Signed in: Fri 20 Nov, 18:30');
  expect(phone).toHaveTextContent('Last used: Today, 08:00');
  await press('Sign out Safari on iPhone, signed in Fri 20 Nov, 18:30');
  expect(await screen.findByText('Safari on iPhone was signed out.')).toBeInTheDocument();
  await waitFor(() => expect(screen.getAllByRole('listitem')).toHaveLength(1));
  expect(screen.getByRole('heading', { name: 'Where you’re signed in' })).toHaveFocus();
  expect(bodies(asked, END)).toEqual([{ session_id: 'phone' }]);
});

test('devices that cannot be read are asked for again, and signing out everywhere is still there', async () => {
  let broken = true;
  serve({
    [rpc('my_sessions')]: () => (broken ? refusal(500, 'internal') : sessionsAnswer()),
  });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  expect(await screen.findByRole('alert')).toHaveTextContent(/^Something went wrong on our side/);
  expect(screen.getByRole('button', { name: 'Sign out on all devices' })).toBeVisible();
  broken = false;
  await press('Try again');
  expect(await screen.findByText('Safari on iPhone')).toBeVisible();
});

/** What the page hands to the browser to keep, by name. */
function keepFiles(): [string, Blob][] {
  const blobs: Blob[] = [];
  const files: [string, Blob][] = [];
  const createObjectURL = (blob: Blob) => `blob:${blobs.push(blob) - 1}`;
  vi.stubGlobal('URL', Object.assign(class extends URL {}, { createObjectURL, revokeObjectURL: vi.fn() }));
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    const blob = blobs[Number(this.href.replace('blob:', ''))];
    if (blob) files.push([this.download, blob]);
  });
  return files;
}

const contentOf = (file: Blob) =>
  new Promise<unknown>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(JSON.parse(reader.result as string));
    reader.readAsText(file);
  });

test('all that is kept is downloaded as a file, with what the page does not know', async () => {
  const data = { exported_at: '2026-12-01T10:00:00Z', account: ADA, bookings: [], of_tomorrow: [7] };
  serve({ [rpc('my_data')]: () => ({ status: 200, body: data }) });
  const files = keepFiles();
  await openAccount();
  await press('Download my data');
  expect(await screen.findByText('Your data has been downloaded.')).toBeInTheDocument();
  const [[name, file] = ['', new Blob()], ...more] = files;
  expect([name, file.type, more]).toEqual(['frontrow-my-data-2026-12-01.json', 'application/json', []]);
  expect(await contentOf(file)).toEqual(data);
});
