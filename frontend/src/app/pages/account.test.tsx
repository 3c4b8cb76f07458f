import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test } from 'vitest';

import { session } from '@/api/session';
import { fakeFlask, refusal, signedIn } from '@/test/flask';
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

test('an address that is taken is said next to it', async () => {
  fakeFlask({ '/api/auth/refresh': guest, '/api/auth/register': () => refusal(409, 'email_taken') });
  renderRoutes(routes, '/register');
  await fillRegistration();
  const email = await field('Email address');
  await waitFor(() =>
    expect(email).toHaveAccessibleDescription('This email already has an account. Sign in instead?'),
  );
  expect(email).toHaveFocus();
});

test('a server that does not answer is said', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/register');
  await fillRegistration();
  expect(await screen.findByRole('alert')).toHaveTextContent(/^Frontrow is not responding\./);
});

test('a new customer is signed in, and the return keeps its way through both forms', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, '/api/auth/register': ok });
  renderRoutes(routes, '/sign-in?return=%2Faccount');
  await userEvent.click(await screen.findByRole('link', { name: 'Create an account' }));
  await fillRegistration();
  expect(await screen.findByRole('heading', { name: 'Your account' })).toBeVisible();
  expect(asked.findLast(({ path }) => path === '/api/auth/register')?.body).toEqual({
    full_name: 'Ada',
    email: 'ada@example.com',
    password: 'front row seats',
  });
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
