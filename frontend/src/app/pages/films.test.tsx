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
const listed = (film: typeof FAUST) => ({
  ...film,
  showtimes: [{ id: 42, starts_at: startsAt, theater_id: 1 }],
  more_showtimes: 2,
});
const showtime = (id: number) => ({
  id,
  day: startsAt.slice(0, 10),
  starts_at: startsAt,
  status: 'scheduled',
  theater_id: 1,
  auditorium: id === 42 ? 'Salon' : 'Attic',
  seats_left: 5,
  price_from: 1150,
});

let asked: URL[] = [];
/** What the server finds for a question, and where its next page begins. */
let whatsOn: (question: URLSearchParams) => { films: unknown[]; total?: number; after?: string };
let moreShowtimes: boolean;

const questions = () =>
  asked.filter((url) => url.pathname.endsWith('/whats_on')).map((url) => url.searchParams);

beforeEach(() => {
  asked = [];
  moreShowtimes = false;
  whatsOn = (question) => {
    const { genre } = JSON.parse(question.get('filters') ?? '{}') as { genre?: string };
    const films = [CHARADE, FAUST].filter(
      (film) =>
        film.title
          .concat(...film.directors)
          .toLowerCase()
          .includes(question.get('search') ?? '') &&
        (genre === undefined || film.genres.includes(genre)),
    );
    return { films: films.map(listed) };
  };
  vi.stubGlobal('fetch', (input: string | URL) => {
    const url = new URL(input);
    asked.push(url);
    const json = (body: unknown, status = 200) =>
      Promise.resolve(new Response(JSON.stringify(body), { status }));
    const server_time = new Date().toISOString();
    const after = url.searchParams.get('after');
    switch (url.pathname.split('/').at(-1)) {
      case 'server_time':
        return json(server_time);
      case 'theaters':
        return json({ theaters: [theater], more: false });
      case 'whats_on': {
        const { films, total = films.length, after: next = null } = whatsOn(url.searchParams);
        return json({
          ...{ server_time, total, films, theaters: [theater], more: next !== null, after: next },
          ...(after === null
            ? { days: [], genres: ['fantasy', 'comedy'], languages: ['zxx'] }
            : { days: null, genres: null, languages: null }),
        });
      }
      case 'movie': {
        if (url.searchParams.get('slug') !== 'faust')
          return json(
            { code: 'PT404', message: 'unknown_movie', details: '{}', hint: 'Film not found.' },
            404,
          );
        const next = moreShowtimes && after === null ? 'a1' : null;
        return json({
          ...{ server_time, movie: FAUST, days: [], theaters: [theater], more: next !== null, after: next },
          showtimes: [showtime(after === null ? 42 : 43)],
        });
      }
      default:
        return Promise.reject(new TypeError('nobody answers'));
    }
  });
});

test('typing narrows the list and keeps the focus; clearing brings all back', async () => {
  renderRoutes(routes, '/');
  // The first test also waits for the page's code.
  expect(await screen.findByText('2 films', {}, { timeout: 4_000 })).toBeVisible();
  const box = screen.getByLabelText('Search films');
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
  await userEvent.type(await screen.findByLabelText('Search films'), 'char');
  await userEvent.selectOptions(screen.getByLabelText('Genre'), 'comedy');
  await vi.waitFor(() => expect(screen.queryByText('Faust')).toBeNull());
  await new Promise((resolve) => setTimeout(resolve, 400)); // past the pause that the search waits for
  expect(screen.getByLabelText('Genre')).toHaveValue('comedy');
  expect(screen.getByLabelText('Search films')).toHaveValue('char');
  expect(screen.getByRole('heading', { name: 'Charade' })).toBeVisible();
});

test('an address brings its filters, and says when nothing fits', async () => {
  renderRoutes(routes, '/?genre=horror&q=faust');
  expect(await screen.findByText('No films match')).toBeVisible();
  expect(screen.getByLabelText('Genre')).toHaveValue('horror');
  expect(screen.getByLabelText('Search films')).toHaveValue('faust');
});

test('the server searches, filters and sorts', async () => {
  renderRoutes(
    routes,
    '/?q=murnau&genre=fantasy&language=zxx&certificate=12&length=feature&sort=soonest&at=Vienna',
  );
  expect(await screen.findByText('1 film')).toBeVisible();
  const [question] = questions();
  expect(questions()).toHaveLength(1);
  expect(Object.fromEntries(question ?? [])).toEqual({
    max_films: '48',
    search: 'murnau',
    sort: 'soonest',
    filters: '{"genre":"fantasy","language":"zxx","certificate":"12","length":"feature"}',
  });
  expect(screen.getByLabelText('Sort by')).toHaveValue('soonest');
  await userEvent.selectOptions(screen.getByLabelText('Sort by'), 'Best match');
  await vi.waitFor(() => expect(questions()).toHaveLength(2));
  expect(questions()[1]?.has('sort')).toBe(false);
});

test('what is shown stays until the answer to the next question is there', async () => {
  renderRoutes(routes, '/');
  expect(await screen.findByText('2 films')).toBeVisible();
  whatsOn = () => ({ films: [listed(FAUST)] });
  let answer: () => void = () => undefined;
  const answering = fetch;
  vi.stubGlobal('fetch', async (input: string) => {
    await new Promise<void>((resolve) => (answer = resolve));
    return answering(input);
  });
  await userEvent.selectOptions(screen.getByLabelText('Genre'), 'fantasy');
  await vi.waitFor(() =>
    expect(screen.getByRole('heading', { name: 'Charade' }).closest('ul')).toBeVisible(),
  );
  expect(screen.getByRole('heading', { name: 'Charade' }).closest('[aria-busy]')).toHaveAttribute(
    'aria-busy',
    'true',
  );
  act(() => answer());
  expect(await screen.findByText('1 film')).toBeVisible();
});

test('More films brings the next page, says so and leads to it', async () => {
  whatsOn = (question) =>
    question.get('after') === 'a1'
      ? { films: [listed(FAUST)], total: 2 }
      : { films: [listed(CHARADE)], total: 2, after: 'a1' };
  renderRoutes(routes, '/');
  expect(await screen.findByText('2 films')).toBeVisible();
  expect(screen.queryByRole('heading', { name: 'Faust' })).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'More films' }));
  const faust = await screen.findByRole('heading', { name: 'Faust' });
  await vi.waitFor(() => expect(faust.closest('li')).toHaveFocus());
  expect(screen.getByText('2 of 2 films shown')).toBeInTheDocument();
  expect(screen.queryByRole('button', { name: 'More films' })).toBeNull();
  expect(screen.getByRole('option', { name: 'Comedy' })).toBeInTheDocument();
});

test('a page that is not to be had can be asked for again', async () => {
  let works = false;
  whatsOn = (question) => {
    if (question.get('after') === null) return { films: [listed(CHARADE)], total: 2, after: 'a1' };
    if (!works) throw new TypeError('away');
    return { films: [listed(FAUST)], total: 2 };
  };
  renderRoutes(routes, '/');
  await userEvent.click(await screen.findByRole('button', { name: 'More films' }));
  expect(await screen.findByText('We couldn’t load more films', {}, { timeout: 10_000 })).toBeVisible();
  expect(screen.getByRole('heading', { name: 'Charade' })).toBeVisible();
  works = true;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('heading', { name: 'Faust' })).toBeVisible();
}, 15_000);

test('a card says how many showtimes there are besides', async () => {
  renderRoutes(routes, '/');
  const [link] = await screen.findAllByText('More showtimes (2)');
  expect(link).toHaveAttribute('href', '/films/charade');
});

test('More showtimes of a film come on its page', async () => {
  moreShowtimes = true;
  renderRoutes(routes, '/films/faust');
  await userEvent.click(await screen.findByRole('button', { name: 'More showtimes' }));
  const attic = await screen.findByRole('link', { name: /Attic/ });
  await vi.waitFor(() => expect(attic.closest('li')).toHaveFocus());
  expect(screen.getByRole('link', { name: /Salon/ })).toBeVisible();
  expect(screen.queryByRole('button', { name: 'More showtimes' })).toBeNull();
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
