import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import { fakeFlask, refusal, signedIn } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { routes } from '../router';

const booking = (reference: string) => ({
  id: reference,
  reference,
  status: 'confirmed',
  total: 1150,
  currency: 'EUR',
  expires_at: '2026-01-01T10:00:00Z',
  confirmed_at: '2026-01-01T09:00:00Z',
  seats: [{ seat_id: 1, row: 'A', number: 1, kind: 'standard', price: 1150 }],
  refunds: [],
  showtime: {
    id: 42,
    starts_at: '2026-01-02T19:00:00Z',
    ends_at: '2026-01-02T21:00:00Z',
    status: 'scheduled',
  },
  movie: { title: `Film ${reference}` },
  theater: { name: 'Scala', address: 'Ring 1', city: 'Wien', time_zone: 'Europe/Vienna' },
  auditorium: 'Saal 1',
});

const page = (references: string[], after: string | null) =>
  Response.json({ server_time: '2026-12-01T10:00:00Z', bookings: references.map(booking), after });

/** What my_bookings was asked to follow, in order. */
let asked: (string | null)[];
let second: () => Response;

beforeEach(async () => {
  asked = [];
  second = () => page(['CCCC'], null);
  fakeFlask({});
  await session.enter(() => Promise.resolve(signedIn('token')));
  vi.stubGlobal('fetch', (input: string) => {
    const url = new URL(input);
    if (!url.pathname.endsWith('/rpc/my_bookings')) return Promise.reject(new TypeError('nobody answers'));
    const after = url.searchParams.get('after');
    asked.push(after);
    return Promise.resolve(after === null ? page(['AAAA', 'BBBB'], 'cursor') : second());
  });
});

const films = () => screen.getAllByRole('link', { name: /^Film/ }).map((link) => link.textContent);
const more = () => screen.queryByRole('button', { name: 'Show more' });

test('bookings come page by page, and what was shown stays', async () => {
  renderRoutes(routes, '/bookings');
  await screen.findByText('Film AAAA');
  expect(films()).toEqual(['Film AAAA', 'Film BBBB']);
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }));
  await screen.findByText('Film CCCC');
  expect(films()).toEqual(['Film AAAA', 'Film BBBB', 'Film CCCC']);
  expect(asked).toEqual([null, 'cursor']);
  expect(more()).toBeNull();
});

test('a page that does not come is said, and asked for again', async () => {
  const answered = second;
  second = () => Response.json(refusal(400, 'invalid_request').body, { status: 400 });
  renderRoutes(routes, '/bookings');
  await userEvent.click(await screen.findByRole('button', { name: 'Show more' }));
  expect(await within(screen.getByRole('main')).findByText(/^Invalid request/)).toBeVisible();
  expect(films()).toHaveLength(2);
  second = answered;
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }));
  await screen.findByText('Film CCCC');
  expect(screen.queryByText(/^Invalid request/)).toBeNull();
});
