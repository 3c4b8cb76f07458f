import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import { firstToEnd, heldSeats } from '@/features/seats/model/held-seats';
import { axeFindings } from '@/test/axe';
import { BOOKING, TICKET } from '@/test/booking';
import { ADA, asGuest, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

vi.mock('@/api/realtime', () => ({ listen: () => () => undefined }));
vi.mock('@payment-form', () => ({
  PaymentForm: ({ amount }: { amount: string }) => <button type="button">Pay {amount}</button>,
  retrieveIntent: (clientSecret: string) =>
    Promise.resolve({ id: 'pi_1', clientSecret, status: 'requires_payment_method' }),
}));

const rpc = (name: string) => `/rest/v1/rpc/${name}`;
const INTENT = '/api/payments/create-intent';
const CONTACT = rpc('set_contact');
const LOGIN = '/api/auth/login';
const REGISTER = '/api/auth/register';
const CHECKOUT = `/checkout/${BOOKING.id}`;
const KNOWN = { email: 'ada@example.com', full_name: 'Ada' };

const field = (name: string) => screen.findByLabelText<HTMLInputElement>(name);
const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const bodies = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ body }) => body);
const authorizations = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ authorization }) => authorization);

/** The database and Flask, with one booking. */
function serve(booking: typeof BOOKING | typeof TICKET, answers: Parameters<typeof fakeFlask>[0] = {}) {
  return fakeFlask({
    [rpc('my_booking')]: () => ({ status: 200, body: booking }),
    [rpc('my_bookings')]: () => ({
      status: 200,
      body: { server_time: BOOKING.server_time, bookings: [booking], after: null },
    }),
    [INTENT]: () => ({
      status: 200,
      body: {
        ...{ payment_intent_id: 'pi_1', client_secret: 'pi_1_secret_x', amount: 2400, currency: 'EUR' },
        expires_at: BOOKING.expires_at,
      },
    }),
    [CONTACT]: ({ body }) => ({ status: 200, body: { ...asGuest().user, ...(body as object) } }),
    '/api/auth/logout': () => ({ status: 204 }),
    ...answers,
  });
}

const enterAsGuest = (known: Partial<typeof KNOWN> = {}) =>
  session.enter(() => Promise.resolve(asGuest(known)));

async function givesContact() {
  await userEvent.type(await field('Your name'), ' Ada ');
  await userEvent.type(await field('Email address'), ' ada@example.com ');
  await press('Continue to payment');
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(BOOKING.server_time) });
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
  return () => vi.useRealTimers();
});

test('a guest gives name and address at checkout, once, and before there is anything to pay with', async () => {
  const asked = serve(BOOKING);
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await field('Your name');
  expect(screen.queryByRole('button', { name: /^Pay/ })).toBeNull();
  expect(await axeFindings()).toEqual([]);
  await givesContact();
  expect(await screen.findByRole('button', { name: 'Pay €24.00' })).toBeVisible();
  expect(screen.getByRole('heading', { name: 'Your details' })).toHaveFocus();
  expect(screen.getByText('ada@example.com')).toBeVisible();
  expect(screen.queryByLabelText('Email address')).toBeNull();
  expect(await axeFindings()).toEqual([]);
  expect(bodies(asked, CONTACT)).toEqual([{ full_name: 'Ada', email: 'ada@example.com' }]);
  const paths = asked.map(({ path }) => path);
  expect(paths.indexOf(INTENT)).toBeGreaterThan(paths.indexOf(CONTACT));
});

test('an address that is none is said next to it, and nothing is sent', async () => {
  const asked = serve(BOOKING);
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await userEvent.type(await field('Your name'), 'Ada');
  await userEvent.type(await field('Email address'), 'ada@example');
  await press('Continue to payment');
  await waitFor(async () =>
    expect(await field('Email address')).toHaveAccessibleDescription(/Enter a valid email address\.$/),
  );
  expect(bodies(asked, CONTACT)).toEqual([]);
  expect(bodies(asked, INTENT)).toEqual([]);
});

test.each([
  ['invalid_email', 'Email address', /Enter a valid email address/],
  ['invalid_name', 'Your name', /Enter a name of 1 to 100 characters/],
])('what the database refuses is said next to its field: %s', async (code, label, sentence) => {
  serve(BOOKING, { [CONTACT]: () => refusal(422, code) });
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await givesContact();
  await waitFor(async () => expect(await field(label)).toHaveAccessibleDescription(sentence));
  expect(await field(label)).toHaveFocus();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('who has given name and address pays at once, and may change them', async () => {
  const asked = serve(BOOKING);
  await enterAsGuest(KNOWN);
  renderRoutes(routes, CHECKOUT);
  const pay = await screen.findByRole('button', { name: 'Pay €24.00' });
  await press('Change');
  expect(await field('Your name')).toHaveValue('Ada');
  await userEvent.clear(await field('Email address'));
  await userEvent.type(await field('Email address'), 'ada@king.example');
  await press('Save');
  expect(await screen.findByText('ada@king.example')).toBeVisible();
  expect(bodies(asked, CONTACT)).toEqual([{ full_name: 'Ada', email: 'ada@king.example' }]);
  // What was typed into the form of the payment stays.
  expect(pay).toBeInTheDocument();
  expect(bodies(asked, INTENT)).toHaveLength(1);
});

test('a payment that is refused for want of an address asks for it', async () => {
  let known = false;
  const made = { payment_intent_id: 'pi_1', client_secret: 'pi_1_secret_x', amount: 2400, currency: 'EUR' };
  const asked = serve(BOOKING, {
    [INTENT]: () =>
      known
        ? { status: 200, body: { ...made, expires_at: BOOKING.expires_at } }
        : refusal(409, 'contact_required'),
    [CONTACT]: ({ body }) => {
      known = true;
      return { status: 200, body };
    },
  });
  await enterAsGuest(KNOWN);
  renderRoutes(routes, CHECKOUT);
  await waitFor(async () => expect(await field('Email address')).toHaveValue('ada@example.com'));
  await press('Continue to payment');
  expect(await screen.findByRole('button', { name: 'Pay €24.00' })).toBeVisible();
  expect(screen.queryByLabelText('Email address')).toBeNull();
  expect(bodies(asked, INTENT)).toHaveLength(2);
});

test('a guest who signs in at checkout keeps seats, booking and time', async () => {
  const asked = serve(BOOKING, { [LOGIN]: () => ({ status: 200, body: signedIn('token') }) });
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await userEvent.type(await field('Email address'), 'ada@example.com');
  const main = within(screen.getByRole('main'));
  await userEvent.click(main.getByRole('link', { name: 'Sign in' }));
  await screen.findByText(/^Seats that you hold/);
  expect(await field('Email address')).toHaveValue('ada@example.com');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  expect(await screen.findByRole('button', { name: 'Pay €24.00' })).toBeVisible();
  expect(authorizations(asked, LOGIN)).toEqual(['Bearer guest token']);
  expect(authorizations(asked, INTENT)).toEqual(['Bearer token']);
  expect(bodies(asked, INTENT)).toEqual([{ booking_id: BOOKING.id }]);
  expect(firstToEnd(heldSeats.get(), ADA.id, Date.now())).toMatchObject({
    seats: ['C5', 'C6'],
    expiresAt: Date.parse(BOOKING.expires_at),
  });
});

test('a guest who signs in to an account with seats of the showtime is led to those', async () => {
  let account = false;
  serve(BOOKING, {
    [LOGIN]: () => {
      account = true;
      return { status: 200, body: signedIn('token') };
    },
    [rpc('my_booking')]: () => (account ? refusal(404, 'unknown_booking') : { status: 200, body: BOOKING }),
  });
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await field('Your name');
  await userEvent.click(within(screen.getByRole('main')).getByRole('link', { name: 'Sign in' }));
  await screen.findByText(/^Seats that you hold/);
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  expect(
    await screen.findByText('You already hold seats for this showtime with this account.'),
  ).toBeVisible();
  expect(screen.queryByText('Booking not found.')).toBeNull();
  expect(screen.getByRole('link', { name: 'Back to your seats' })).toHaveAttribute(
    'href',
    `/showtimes/${BOOKING.showtime.id}`,
  );
});

test('a booking of somebody else is not found', async () => {
  serve(BOOKING);
  await enterAsGuest();
  const page = renderRoutes(routes, CHECKOUT);
  await field('Your name');
  page.unmount();
  await session.leave(false);
  serve(BOOKING, { [rpc('my_booking')]: () => refusal(404, 'unknown_booking') });
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, CHECKOUT);
  expect(await screen.findByText('Booking not found.')).toBeVisible();
});

test('the way back to seats that a guest holds is the account’s after signing in elsewhere', async () => {
  serve(BOOKING, { [LOGIN]: () => ({ status: 200, body: signedIn('token') }) });
  await enterAsGuest();
  renderRoutes(routes, CHECKOUT);
  await field('Your name');
  await userEvent.click(within(screen.getByRole('navigation')).getByRole('link', { name: 'My tickets' }));
  const bar = await screen.findByRole('complementary', { name: 'Seats held for you' });
  expect(bar).toHaveTextContent('C5, C6 for Nosferatu');
  await session.enter(() => Promise.resolve(signedIn('token')));
  await screen.findByRole('link', { name: 'Account' });
  expect(await screen.findByRole('complementary', { name: 'Seats held for you' })).toHaveTextContent(
    'C5, C6',
  );
});

test('a code that is asked for at sign-in keeps the seats of a guest, too', async () => {
  const FACTOR = '/api/auth/second-factor';
  const asked = serve(BOOKING, {
    [LOGIN]: () => ({ status: 200, body: { second_factor: true, challenge: 'a.challenge.x' } }),
    [FACTOR]: () => ({ status: 200, body: signedIn('token') }),
  });
  await enterAsGuest();
  renderRoutes(routes, `/sign-in?return=${encodeURIComponent(CHECKOUT)}`);
  await userEvent.type(await field('Email address'), 'ada@example.com');
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Sign in');
  await userEvent.type(await field('Code from your authenticator app'), '123456');
  await press('Sign in');
  expect(await screen.findByRole('button', { name: 'Pay €24.00' })).toBeVisible();
  expect(authorizations(asked, FACTOR)).toEqual(['Bearer guest token']);
});

test('after paying, one password makes the guest an account, and the ticket stays in sight', async () => {
  const asked = serve(TICKET, {
    [REGISTER]: () => ({ status: 201, body: { ...signedIn('token'), user: { ...ADA, id: 'guest' } } }),
  });
  await enterAsGuest(KNOWN);
  renderRoutes(routes, `/bookings/${TICKET.id}`);
  expect(await screen.findByText(/We emailed your ticket to ada@example\.com\.$/)).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Create account');
  const title = await screen.findByText('Check your email');
  expect(document.activeElement).toContainElement(title);
  expect(screen.getByRole('heading', { name: 'Your seats are booked' })).toBeVisible();
  expect(screen.queryByLabelText('Password')).toBeNull();
  expect(asked.find(({ path }) => path === REGISTER)).toMatchObject({
    body: { ...KNOWN, password: 'front row seats' },
    authorization: 'Bearer guest token',
  });
  expect(screen.getByRole('link', { name: 'Account' })).toBeVisible();
});

test('a password that is too easy to guess makes no account', async () => {
  serve(TICKET, { [REGISTER]: () => refusal(422, 'weak_password') });
  await enterAsGuest(KNOWN);
  renderRoutes(routes, `/bookings/${TICKET.id}`);
  await userEvent.type(await field('Password'), 'front row seats');
  await press('Create account');
  await waitFor(async () =>
    expect(await field('Password')).toHaveAccessibleDescription(/that is not easy to guess\.$/),
  );
  expect(screen.getByRole('link', { name: 'Sign in' })).toBeVisible();
});

test('who has an account is offered none', async () => {
  serve(TICKET);
  await session.enter(() => Promise.resolve(signedIn('token')));
  renderRoutes(routes, `/bookings/${TICKET.id}`);
  await screen.findByRole('heading', { name: 'Your seats are booked' });
  expect(screen.queryByRole('heading', { name: 'Create an account' })).toBeNull();
});

test('a guest has tickets, and a way to sign in instead of an account', async () => {
  serve(TICKET);
  await enterAsGuest(KNOWN);
  renderRoutes(routes, '/bookings');
  expect(await screen.findByRole('link', { name: 'Nosferatu' })).toBeVisible();
  const header = within(screen.getByRole('navigation'));
  expect(header.getByRole('link', { name: 'My tickets' })).toBeVisible();
  expect(header.getByRole('link', { name: 'Sign in' })).toHaveAttribute(
    'href',
    '/sign-in?return=%2Fbookings',
  );
  expect(header.queryByRole('link', { name: 'Account' })).toBeNull();
  expect(screen.getByRole('heading', { name: 'Create an account' })).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  await userEvent.click(screen.getByRole('link', { name: 'Your details and data' }));
  expect(await screen.findByRole('heading', { name: 'Your details and tickets' })).toBeVisible();
  expect(screen.getByText('ada@example.com')).toBeVisible();
});

test('whoever has no session at all signs in first', async () => {
  serve(TICKET, { '/api/auth/refresh': () => ({ status: 204 }) });
  renderRoutes(routes, '/bookings');
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(screen.queryByRole('link', { name: 'My tickets' })).toBeNull();
});

test('the form for an account knows what a guest has given', async () => {
  serve(BOOKING);
  await enterAsGuest(KNOWN);
  renderRoutes(routes, '/register');
  expect(await field('Your name')).toHaveValue('Ada');
  expect(await field('Email address')).toHaveValue('ada@example.com');
});

test('a guest’s data are deleted without a password, after a question', async () => {
  const DELETE = '/api/auth/delete-account';
  const asked = serve(TICKET, {
    [DELETE]: () => ({ status: 200, body: { status: 'deleted', until: null } }),
  });
  await enterAsGuest();
  renderRoutes(routes, '/account');
  expect(await axeFindings()).toEqual([]);
  await press('Delete my data');
  expect(bodies(asked, DELETE)).toEqual([]);
  expect(screen.queryByLabelText(/password/i)).toBeNull();
  await press('Yes, delete my data');
  expect(await screen.findByText('Your data has been deleted.')).toBeVisible();
  expect(bodies(asked, DELETE)).toEqual([{}]);
  expect(session.state.get()).toEqual({ status: 'signed-out', ended: false });
});
