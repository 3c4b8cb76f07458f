import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { ADA, fakeFlask, refusal, signedIn } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const guest = () => ({ status: 204 });
const ok = () => ({ status: 200, body: signedIn('token') });

const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));

beforeEach(async () => {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
});

async function fillRegistration(password = 'front row seats') {
  await userEvent.type(await field('Your name'), 'Ada');
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), password);
  await press('Create account');
}

test('a guest signs in and comes back to the page that he asked for', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, '/api/auth/login': ok });
  renderRoutes(routes, '/account');
  await userEvent.type(await field('Email address'), ' ada@example.com ');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  const heading = await screen.findByRole('heading', { name: 'Your account' });
  await waitFor(() => expect(heading).toHaveFocus());
  expect(document.title).toBe('Your account · Frontrow');
  expect(screen.getByText('ada@example.com')).toBeVisible();
  expect(screen.getByText('Signed in as Ada.')).toBeInTheDocument();
  const signingIn = asked.findLast(({ path }) => path === '/api/auth/login');
  expect(signingIn?.body).toEqual({ email: 'ada@example.com', password: 'front row seats' });
});

test('a wrong password is said, and what was typed stays', async () => {
  fakeFlask({ '/api/auth/refresh': guest, '/api/auth/login': () => refusal(401, 'invalid_credentials') });
  renderRoutes(routes, '/sign-in');
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), 'wrong');
  await press('Sign in');
  expect(await screen.findByRole('alert')).toHaveTextContent('Incorrect email address or password.');
  expect(await field('Email address')).toHaveValue('ada@example.com');
});

test('nothing is sent while something is missing', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/sign-in');
  await press('Sign in');
  expect(await field('Email address')).toHaveAccessibleDescription('Enter your email address.');
  expect(await field('Email address')).toHaveFocus();
  expect(asked.filter(({ path }) => path.endsWith('login'))).toEqual([]);
});

test('the password’s rule is said before it is broken, and after', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/register');
  expect(await field('Password')).toHaveAccessibleDescription(/^10 to 200 characters/);
  await fillRegistration('too short');
  expect(await field('Password')).toHaveAccessibleDescription(
    /Choose a password of 10 to 200 characters that is not easy to guess\.$/,
  );
  expect(await field('Password')).toBeInvalid();
});

const NEW = '/api/auth/register';

/** Not before the page has shown that it asks, as over any network. */
const registered = async () => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  return { status: 201, body: signedIn('token') };
};

test('who has registered is told to look for an email, and goes on from there', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, [NEW]: registered });
  renderRoutes(routes, '/sign-in?return=%2Faccount');
  await userEvent.click(await screen.findByRole('link', { name: 'Create an account' }));
  await fillRegistration();
  const title = await screen.findByText('Check your email');
  expect(document.activeElement).toContainElement(title);
  expect(screen.getByText('Open the link we sent to ada@example.com to confirm it.')).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  expect(asked.findLast(({ path }) => path === NEW)).toMatchObject({
    body: { full_name: 'Ada', email: 'ada@example.com', password: 'front row seats' },
    authorization: null,
  });
  await userEvent.click(screen.getByRole('link', { name: 'Continue' }));
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
});

test('who has had an account with the address signs in to that one instead', async () => {
  const another = { ...signedIn('of the other'), user: { ...ADA, id: 'the other', full_name: 'Ada King' } };
  fakeFlask({
    '/api/auth/refresh': guest,
    [NEW]: registered,
    '/api/auth/login': () => ({ status: 200, body: another }),
  });
  renderRoutes(routes, '/register?return=%2Faccount');
  await fillRegistration();
  await userEvent.click(await screen.findByRole('link', { name: 'Sign in instead' }));
  await screen.findByRole('heading', { name: 'Sign in' });
  expect(await field('Email address')).toHaveValue('ada@example.com');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
  expect(screen.getByText('Ada King')).toBeVisible();
});

test('who has but the new account signs in to that one, and goes on', async () => {
  fakeFlask({ '/api/auth/refresh': guest, [NEW]: registered, '/api/auth/login': ok });
  renderRoutes(routes, '/register?return=%2Faccount');
  await fillRegistration();
  await userEvent.click(await screen.findByRole('link', { name: 'Sign in instead' }));
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
});

test('a password is shown on demand, and hidden again before it is sent', async () => {
  fakeFlask({ '/api/auth/refresh': guest, '/api/auth/login': () => refusal(401, 'invalid_credentials') });
  renderRoutes(routes, '/sign-in');
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), 'wrong');
  const show = screen.getByRole('button', { name: 'Show password' });
  expect(show).toHaveAttribute('aria-pressed', 'false');
  await userEvent.click(show);
  expect(show).toHaveAttribute('aria-pressed', 'true');
  expect(await field('Password')).toHaveAttribute('type', 'text');
  expect(await axeFindings()).toEqual([]);
  await userEvent.type(await field('Password'), '{Enter}');
  expect(await screen.findByRole('alert')).toHaveTextContent('Incorrect email address or password.');
  expect(await field('Password')).toHaveAttribute('type', 'password');
  expect(await field('Password')).toHaveValue('wrong');
  expect(show).toHaveAttribute('aria-pressed', 'false');
});

test('how hard a new password is to guess is said while it is typed', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/register');
  const password = await field('Password');
  const hint = screen.getByText(/^10 to 200 characters/).nextElementSibling?.querySelector('[role=status]');
  const said = (sentence: string) => waitFor(() => expect(hint).toHaveTextContent(sentence));
  expect(hint).toBeEmptyDOMElement();
  await userEvent.type(password, 'password1');
  await said('Too short: use at least 10 characters.');
  await userEvent.type(password, '23');
  await said('Too common: guessers try this one first.');
  await userEvent.type(password, '!4?');
  await said('Weak: easy to guess. Add a few random words.');
  await userEvent.type(password, ' and popcorn');
  await said('Strong.');
  expect(await axeFindings()).toEqual([]);
});

test('password managers are told which password is which', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/sign-in');
  expect(await field('Email address')).toHaveAttribute('autocomplete', 'username');
  expect(await field('Password')).toHaveAttribute('autocomplete', 'current-password');
  await userEvent.click(screen.getByRole('link', { name: 'Create an account' }));
  await screen.findByRole('heading', { name: 'Create an account' });
  expect(await field('Email address')).toHaveAttribute('autocomplete', 'username');
  expect(await field('Password')).toHaveAttribute('autocomplete', 'new-password');
});

test('a server that does not answer is said', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/register');
  await fillRegistration();
  expect(await screen.findByRole('alert')).toHaveTextContent(/^Frontrow is not responding\./);
});

test('signing out everywhere', async () => {
  const asked = fakeFlask({ '/api/auth/login': ok, '/api/auth/logout': () => ({ status: 204 }) });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await press('Sign out on all devices');
  expect(await screen.findByRole('heading', { name: 'What’s on' })).toBeVisible();
  expect(screen.getByText('Signed out.')).toBeInTheDocument();
  expect(asked.find(({ path }) => path === '/api/auth/logout')?.body).toEqual({ everywhere: true });
});

const RENAME = '/rest/v1/rpc/rename_me';

test('a name is changed, and said so, in this tab and in the others', async () => {
  const asked = fakeFlask({ [RENAME]: () => ({ status: 200, body: { full_name: 'Ada King' } }) });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await press('Change name');
  expect(await field('Your name')).toHaveFocus();
  await userEvent.clear(await field('Your name'));
  await userEvent.type(await field('Your name'), ' Ada King ');
  await press('Save name');
  expect(await screen.findByText('Ada King')).toBeVisible();
  expect(screen.getByText('Name changed.')).toBeInTheDocument();
  expect(screen.getByRole('button', { name: 'Change name' })).toHaveFocus();
  expect(asked.find(({ path }) => path === RENAME)?.body).toEqual({ full_name: 'Ada King' });
});

test('a name that the database refuses is said next to it, and the old one stays', async () => {
  fakeFlask({ [RENAME]: () => refusal(422, 'invalid_name') });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await press('Change name');
  await userEvent.type(await field('Your name'), '\u2066');
  await press('Save name');
  await waitFor(async () =>
    expect(await field('Your name')).toHaveAccessibleDescription(/Enter a name of 1 to 100 characters/),
  );
  await press('Cancel');
  expect(await screen.findByText('Ada')).toBeVisible();
});

test('a link is no name, and is not sent', async () => {
  const asked = fakeFlask({});
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/account');
  await press('Change name');
  await userEvent.type(await field('Your name'), ' www.evil.example');
  await press('Save name');
  expect(await field('Your name')).toBeInvalid();
  expect(asked.filter(({ path }) => path === RENAME)).toEqual([]);
});
