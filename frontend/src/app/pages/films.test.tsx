import { act, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import type { Listener } from '@/api/topics';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const listening = vi.hoisted(() => new Map<string, unknown>());
vi.mock('@/api/realtime', () => ({
  listen: (topic: string, listener: unknown) => {
    listening.set(topic, listener);
    return () => undefined;
  },
}));

const theater = {
  id: 1,
  slug: 'morgenstern-vienna',
  name: 'Morgenstern',
  city: 'Vienna',
  address: '1070 Wien',
  time_zone: 'Europe/Vienna',
  currency: 'EUR',
};
const startsAt = new Date(Date.now() + 86_400_000).toISOString();
const FAUST = {
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
};
const CHARADE = {
  ...FAUST,
  id: 8,
  slug: 'charade',
  title: 'Charade',
  directors: ['Stanley Donen'],
  genres: ['comedy'],
};
const showtime = {
  id: 42,
  starts_at: startsAt,
  status: 'scheduled',
  seats_left: 5,
  auditoriums: { name: 'Salon', theater_id: 1, theaters: theater },
  showtime_prices: [
    { kind: 'wheelchair', price: 900 },
    { kind: 'standard', price: 1150 },
  ],
};

let asked: URL[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', (input: string | URL) => {
    const url = new URL(input);
    asked.push(url);
    const json = (body: unknown) => Promise.resolve(new Response(JSON.stringify(body), { status: 200 }));
    if (url.pathname.endsWith('/server_time')) return json(new Date().toISOString());
    if (url.pathname.endsWith('/theaters')) return json([theater]);
    if (!url.pathname.endsWith('/movies')) return Promise.reject(new TypeError('nobody answers'));
    const slug = url.searchParams.get('slug');
    if (slug === null)
      return json([
        { ...CHARADE, showtimes: [showtime] },
        { ...FAUST, showtimes: [showtime] },
      ]);
    return json(slug === 'eq.faust' ? [{ ...FAUST, showtimes: [showtime] }] : []);
  });
});

test('typing narrows the list and keeps the focus; clearing brings all back', async () => {
  renderRoutes(routes, '/');
  // The first test also waits for the page's code.
  expect(await screen.findByText('2 films', {}, { timeout: 4_000 })).toBeVisible();
  const box = screen.getByLabelText('Title or director');
  await userEvent.type(box, 'murnau');
  expect(await screen.findByText('1 film')).toBeVisible();
  expect(box).toHaveFocus();
  expect(screen.queryByRole('heading', { name: 'Charade' })).not.toBeInTheDocument();
  await userEvent.click(screen.getByRole('button', { name: 'Clear filters' }));
  expect(await screen.findByText('2 films')).toBeVisible();
  expect(box).toHaveValue('');
});

test('a filter that is chosen during typing takes nothing away, and nothing is taken from it', async () => {
  renderRoutes(routes, '/');
  await userEvent.type(await screen.findByLabelText('Title or director'), 'char');
  await userEvent.selectOptions(screen.getByLabelText('Genre'), 'comedy');
  await vi.waitFor(() => expect(screen.queryByText('Faust')).toBeNull());
  await new Promise((resolve) => setTimeout(resolve, 400)); // past the pause that the search waits for
  expect(screen.getByLabelText('Genre')).toHaveValue('comedy');
  expect(screen.getByLabelText('Title or director')).toHaveValue('char');
  expect(screen.getByRole('heading', { name: 'Charade' })).toBeVisible();
});

test('an address brings its filters, and says when nothing fits', async () => {
  renderRoutes(routes, '/?genre=horror&q=faust');
  expect(await screen.findByText('No films match')).toBeVisible();
  expect(screen.getByLabelText('Genre')).toHaveValue('horror');
  expect(screen.getByLabelText('Title or director')).toHaveValue('faust');
});

test('a film shows how many seats are left, and reads again when its topic is rejoined', async () => {
  renderRoutes(routes, '/films/faust');
  expect(await screen.findByText('5 seats left')).toBeVisible();
  expect(screen.getByText('from €11.50')).toBeVisible();
  expect(screen.getByRole('link', { name: /Salon/ })).toHaveAttribute('href', '/showtimes/42');
  const listener = listening.get('movie:7') as Listener;
  act(() => listener.onEvent('showtime:update', { showtime_id: 42, seats_left: 0, status: 'scheduled' }));
  expect(await screen.findByText('Sold out')).toBeVisible();
  const before = asked.length;
  act(() => listener.onJoined?.());
  expect(await screen.findByText('5 seats left')).toBeVisible();
  expect(asked).toHaveLength(before + 1);
});

test('a film that is not there', async () => {
  renderRoutes(routes, '/films/nothing');
  expect(await screen.findByRole('heading', { name: 'Film not found' })).toBeVisible();
});
