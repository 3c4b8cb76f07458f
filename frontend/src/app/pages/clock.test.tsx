import { screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { signedIn } from '@/test/flask';
import { lacking } from '@/test/lacking';

vi.mock('@/api/realtime', () => ({ listen: () => () => undefined }));

const HOUR = 3_600_000;
/** By the server's clock: Wednesday evening in New York, Thursday morning in London, where the viewer is. */
const NOW = Date.parse('2026-12-03T02:00:00Z');
const STARTS = new Date(NOW + HOUR).toISOString();
const ENDS = new Date(NOW + 3 * HOUR).toISOString();

const NEW_YORK = {
  id: 1,
  slug: 'halcyon',
  name: 'The Halcyon',
  city: 'New York',
  address: '418 Orchard Terrace',
  time_zone: 'America/New_York',
  currency: 'USD',
};
let theater = NEW_YORK;

const film = () => ({
  id: 7,
  slug: 'faust',
  title: 'Faust',
  original_title: null,
  release_year: 1926,
  directors: ['F. W. Murnau'],
  cast_members: [],
  genres: ['fantasy'],
  language: 'zxx',
  certificate: '12',
  length_minutes: 106,
  synopsis: 'A wager.',
  rights: 'Free.',
});
const showtime = () => ({
  id: 42,
  starts_at: STARTS,
  ends_at: ENDS,
  status: 'scheduled',
  seats_left: 5,
  auditoriums: { name: 'Salon', theater_id: 1, theaters: theater },
  showtime_prices: [{ kind: 'standard', price: 1150 }],
});
const booking = () => ({
  id: 'b7',
  reference: 'ABCD2345',
  status: 'confirmed',
  total: 1150,
  currency: 'USD',
  expires_at: STARTS,
  confirmed_at: STARTS,
  seats: [{ seat_id: 1, row: 'A', number: 1, kind: 'standard', price: 1150 }],
  refunds: [],
  showtime: showtime(),
  movie: film(),
  theater: { ...theater, address: 'Fifth Avenue 1' },
  auditorium: 'Salon',
});
const page = () => ({
  ...{ id: 42, starts_at: STARTS, status: 'scheduled', revision: 0, seat_limit: 10 },
  movie: { slug: 'faust', title: 'Faust' },
  auditorium: { id: 1, name: 'Salon', layout_version: 2 },
  theater,
  prices: [{ kind: 'standard', price: 1150 }],
  server_time: new Date(NOW).toISOString(),
});
const layout = { auditorium_id: 1, version: 2, seats: [[1, 'A', 1, 1, 1, 'standard']] };
const states = () => ({
  ...{ server_time: new Date(NOW).toISOString(), revision: 0, layout_version: 2, pending_booking_id: null },
  ...{ booked: [], locked: [], lock_ids: [], expiries: [], mine: [], blocked: [] },
});

let asked: string[];

/** The Data API, which goes by its own time. */
function answer(url: URL): unknown {
  switch (url.pathname.split('/').at(-1)) {
    case 'server_time':
      return new Date(NOW).toISOString();
    case 'theaters':
      return { theaters: [theater], more: false };
    case 'whats_on':
      return {
        server_time: new Date(NOW).toISOString(),
        ...{ total: 1, days: [], genres: [], languages: [], theaters: [theater], more: false, after: null },
        films: [{ ...film(), showtimes: [{ id: 42, starts_at: STARTS, theater_id: 1 }], more_showtimes: 0 }],
      };
    case 'movie':
      return {
        server_time: new Date(NOW).toISOString(),
        ...{ movie: film(), days: [], theaters: [theater], more: false, after: null },
        showtimes: [
          {
            ...{ id: 42, day: '2026-12-02', starts_at: STARTS, status: 'scheduled', theater_id: 1 },
            ...{ auditorium: 'Salon', seats_left: 5, price_from: 1150 },
          },
        ],
      };
    case 'showtime':
      return page();
    case 'seat_layout':
      return layout;
    case 'seat_states':
      return states();
    case 'my_bookings':
      return { server_time: new Date(NOW).toISOString(), bookings: [booking()], after: null };
    case 'refresh':
      return signedIn('token');
    default:
      throw new TypeError('nobody answers');
  }
}

function deviceIsAheadBy(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW + milliseconds });
}

beforeEach(() => {
  // Each visit begins with a clock that no server has set.
  vi.resetModules();
  theater = NEW_YORK;
  asked = [];
  vi.stubGlobal('fetch', async (input: string | URL) => {
    const url = new URL(input);
    asked.push(url.pathname.split('/').at(-1) ?? '');
    return Promise.resolve(new Response(JSON.stringify(answer(url)), { status: 200 }));
  });
});
afterEach(() => void vi.useRealTimers());

async function open(address: string): Promise<void> {
  const { routes } = await import('../router');
  const { renderRoutes } = await import('@/test/render');
  renderRoutes(routes, address);
}

const AHEAD = [26 * HOUR, -26 * HOUR];

test.each(AHEAD)('tonight’s films are listed on a device that is %i ms ahead', async (ahead) => {
  deviceIsAheadBy(ahead);
  await open('/');
  expect(await screen.findByText('1 film')).toBeVisible();
  expect(screen.getByRole('link', { name: /Today 22:00/ })).toHaveAttribute('href', '/showtimes/42');
  expect(screen.getByRole('link', { name: 'Today 2 Dec' })).toBeVisible();
});

test.each(AHEAD)('a film’s seats are on sale on a device that is %i ms ahead', async (ahead) => {
  deviceIsAheadBy(ahead);
  await open('/films/faust');
  expect(await screen.findByText('5 seats left')).toBeVisible();
  expect(screen.queryByText('Sales closed')).toBeNull();
});

test('a showtime’s seats are offered on a device that is a day ahead', async () => {
  deviceIsAheadBy(26 * HOUR);
  await open('/showtimes/42');
  expect(await screen.findByRole('gridcell', { name: /^Row A, seat 1,.* free$/ })).toBeVisible();
  expect(screen.getByText(/^Today, 22:00/)).toBeVisible();
});

test('a booking is still to come on a device that is a day ahead', async () => {
  deviceIsAheadBy(26 * HOUR);
  await open('/bookings');
  expect(await screen.findByRole('heading', { name: 'Upcoming' })).toBeVisible();
  expect(screen.queryByRole('heading', { name: 'Past and cancelled' })).toBeNull();
});

test.each([0, ...AHEAD])('the films are asked for once on a device that is %i ms ahead', async (ahead) => {
  deviceIsAheadBy(ahead);
  await open('/');
  expect(await screen.findByText('1 film')).toBeVisible();
  expect(asked.filter((what) => what === 'whats_on')).toHaveLength(1);
  expect(asked.filter((what) => what === 'server_time')).toHaveLength(1);
});

test('the time that comes with the films will do where the server does not say it', async () => {
  deviceIsAheadBy(26 * HOUR);
  const answering = fetch;
  vi.stubGlobal('fetch', (input: string) =>
    input.includes('server_time') ? Promise.reject(new TypeError('away')) : answering(input),
  );
  await open('/');
  expect(await screen.findByText('1 film')).toBeVisible();
});

test('Today is the theater’s day', async () => {
  deviceIsAheadBy(0);
  await open('/films/faust');
  expect(await screen.findByRole('heading', { name: 'Today, Wednesday 2 December 2026' })).toBeVisible();
});

test('a theater in a zone that the browser does not know breaks no list', async () => {
  deviceIsAheadBy(0);
  lacking('Europe/Kyiv', 'Europe/Kiev');
  theater = { ...NEW_YORK, city: 'Kyiv', time_zone: 'Europe/Kyiv' };
  await open('/');
  expect(await screen.findByText('1 film')).toBeVisible();
  expect(screen.getByText('Kyiv · UTC')).toBeVisible();
});
