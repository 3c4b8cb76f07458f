import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const FORGOT = '/api/auth/forgot';
const RESET = '/api/auth/reset';
const guest = () => ({ status: 204 });
const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const follow = async (name: string) => userEvent.click(await screen.findByRole('link', { name }));
const bodies = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ body }) => body);

beforeEach(async () => {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
});

test('who has forgotten a password types the address once, and is told the same for every address', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest, [FORGOT]: () => ({ status: 202, body: {} }) });
  renderRoutes(routes, '/sign-in?return=%2Faccount');
  await userEvent.type(await field('Email address'), ' ada@example.com');
  await follow('Forgot your password?');
  expect(await field('Email address')).toHaveValue('ada@example.com');
  expect(await axeFindings()).toEqual([]);
  await press('Send link');
  const sentence = await screen.findByText(
    'If ada@example.com has an account, we have sent it a link. It is good for 30 minutes.',
  );
  expect(document.activeElement).toContainElement(sentence);
  expect(await axeFindings()).toEqual([]);
  expect(bodies(asked, FORGOT)).toEqual([{ email: 'ada@example.com' }]);
  await press('Use another address or try again');
  expect(await field('Email address')).toHaveFocus();
  await follow('Back to sign in');
  expect(screen.getByRole('link', { name: 'Create an account' })).toHaveAttribute(
    'href',
    '/register?return=%2Faccount',
  );
});

test('what is no address is not sent', async () => {
  const asked = fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/forgot');
  await userEvent.type(await field('Email address'), 'ada@');
  await press('Send link');
  expect(await field('Email address')).toHaveAccessibleDescription('Enter a valid email address.');
  expect(await field('Email address')).toHaveFocus();
  expect(bodies(asked, FORGOT)).toEqual([]);
});

test('who asks too often is told for how long', async () => {
  const tooOften = () => refusal(429, 'too_many_attempts', { retry_after: 300 });
  fakeFlask({ '/api/auth/refresh': guest, [FORGOT]: tooOften });
  renderRoutes(routes, '/forgot');
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await press('Send link');
  expect(await screen.findByRole('alert')).toHaveTextContent(
    'Too many attempts. Please try again in 5 minutes.',
  );
});

test('a new password leads to the sign-in form, with the address filled in', async () => {
  const asked = fakeFlask({
    '/api/auth/refresh': guest,
    [RESET]: () => ({ status: 200, body: { email: 'ada@example.com' } }),
  });
  renderRoutes(routes, '/reset#a-token');
  await userEvent.type(await field('New password'), 'front row seats');
  expect(await axeFindings()).toEqual([]);
  await press('Change password');
  expect(await screen.findByText('Password changed. Sign in with your new password.')).toBeVisible();
  expect(await field('Email address')).toHaveValue('ada@example.com');
  expect(await field('Password')).toHaveValue('');
  expect(bodies(asked, RESET)).toEqual([{ token: 'a-token', password: 'front row seats' }]);
});

test('who is signed in is not any more once the password is another', async () => {
  const asked = fakeFlask({
    '/api/auth/logout': () => ({ status: 204 }),
    [RESET]: () => ({ status: 200, body: { email: 'ada@example.com' } }),
  });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, '/reset#a-token');
  await userEvent.type(await field('New password'), 'front row seats');
  await press('Change password');
  expect(await field('Email address')).toHaveValue('ada@example.com');
  expect(session.state.get()).toEqual({ status: 'signed-out', ended: false });
  expect(bodies(asked, '/api/auth/logout')).toEqual([{ everywhere: false }]);
});

test('a link that is too old leads to a new one', async () => {
  fakeFlask({ '/api/auth/refresh': guest, [RESET]: () => refusal(410, 'link_expired') });
  renderRoutes(routes, '/reset#a-token');
  await userEvent.type(await field('New password'), 'front row seats');
  await press('Change password');
  const title = await screen.findByText('This link has expired or was used already');
  expect(document.activeElement).toContainElement(title);
  expect(screen.queryByLabelText('New password')).toBeNull();
  await follow('Send a new link');
  expect(await screen.findByRole('heading', { name: 'Forgot your password?' })).toBeVisible();
});

test('a password that the server refuses is said next to it, and the link is still good', async () => {
  const answers = [refusal(422, 'weak_password'), { status: 200, body: { email: 'ada@example.com' } }];
  const asked = fakeFlask({
    '/api/auth/refresh': guest,
    [RESET]: () => answers.shift() ?? refusal(410, 'link_expired'),
  });
  renderRoutes(routes, '/reset#a-token');
  await userEvent.type(await field('New password'), 'iloveyou123');
  await press('Change password');
  const password = await field('New password');
  await waitFor(() => expect(password).toHaveAccessibleDescription(/that is not easy to guess\.$/));
  expect(password).toHaveFocus();
  await userEvent.type(password, ' and popcorn');
  await press('Change password');
  expect(await screen.findByText('Password changed. Sign in with your new password.')).toBeVisible();
  expect(bodies(asked, RESET)).toEqual([
    { token: 'a-token', password: 'iloveyou123' },
    { token: 'a-token', password: 'iloveyou123 and popcorn' },
  ]);
});

test('a link without its token asks for the whole link', async () => {
  fakeFlask({ '/api/auth/refresh': guest });
  renderRoutes(routes, '/reset');
  expect(await screen.findByText('This link is not complete')).toBeVisible();
  expect(screen.queryByLabelText('New password')).toBeNull();
});
