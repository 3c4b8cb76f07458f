import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { StrictMode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import { axeFindings } from '@/test/axe';
import { TICKET } from '@/test/booking';
import { fakeFlask, refusal, type Asked } from '@/test/flask';

import { Providers } from '../providers';
import { routes } from '../router';

vi.mock('@/api/realtime', () => ({ listen: () => () => undefined }));
const saveFile = vi.hoisted(() => vi.fn());
vi.mock('@/shared/lib/save-file', () => ({ saveFile }));

const OPEN = '/api/tickets/open';
const CANCEL = '/api/tickets/cancel';
const CALENDAR = '/api/tickets/calendar';
const LINK = { reference: 'ABCD2345', key: 'the-key' };

const opened = (changes: object = {}) => ({
  booking: TICKET,
  ticket: { token: 'a.token.x', reference: 'ABCD2345', qr: { size: 1, path: 'M0 0h1v1z' } },
  cancellable: true,
  ...changes,
});
const cancelled = () =>
  opened({
    booking: { ...TICKET, status: 'cancelled', cancellable_until: null, refundable_amount: null },
    ticket: null,
    cancellable: false,
  });

const press = async (name: string) => userEvent.click(await screen.findByRole('button', { name }));
const bodies = (asked: Asked[], path: string) =>
  asked.filter((each) => each.path === path).map(({ body }) => body);

function serve(answers: Parameters<typeof fakeFlask>[0]): Asked[] {
  return fakeFlask({ '/api/auth/refresh': () => ({ status: 204 }), ...answers });
}

/** As a browser does: every render twice, which shows what happens more than once. */
function visit(address: string) {
  const router = createMemoryRouter(routes, { initialEntries: [address] });
  const shown = render(
    <StrictMode>
      <Providers>
        <RouterProvider router={router} />
      </Providers>
    </StrictMode>,
  );
  return { router, ...shown };
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(TICKET.server_time) });
  sessionStorage.clear();
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
  return () => vi.useRealTimers();
});

test('the link of an email shows the ticket to whoever has it, and its key leaves the address', async () => {
  const asked = serve({ [OPEN]: () => ({ status: 200, body: opened() }) });
  const { router } = visit('/t/ABCD2345?from=mail#the-key');
  expect(await screen.findByRole('img', { name: 'QR code for booking ABCD2345' })).toBeVisible();
  expect(screen.getByText('Row C, seat 5')).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  expect(router.state.location).toMatchObject({ pathname: '/t/ABCD2345', search: '?from=mail', hash: '' });
  expect(bodies(asked, OPEN)).toEqual([LINK]);
  expect(asked.filter(({ path }) => path === OPEN).map(({ authorization }) => authorization)).toEqual([null]);
  expect(document.querySelector('meta[name=robots]')).toHaveAttribute('content', 'noindex');
});

test('a ticket is reloaded in its tab, and another one needs its own link', async () => {
  serve({ [OPEN]: () => ({ status: 200, body: opened() }) });
  const { router, unmount } = visit('/t/ABCD2345#the-key');
  await screen.findByRole('img');
  await act(() => router.navigate('/t/ZZZZ2345'));
  expect(await screen.findByText('This link is not complete')).toBeVisible();
  unmount();
  visit('/t/ABCD2345');
  expect(await screen.findByRole('img', { name: 'QR code for booking ABCD2345' })).toBeVisible();
});

test('a link that is good no more leads to one’s own tickets', async () => {
  serve({ [OPEN]: () => refusal(410, 'link_expired') });
  visit('/t/ABCD2345#the-key');
  expect(await screen.findByText('This link does not open a ticket any more')).toBeVisible();
  expect(await axeFindings()).toEqual([]);
  await userEvent.click(screen.getByRole('link', { name: 'My tickets' }));
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('who has tried too often is told for how long, and may try again', async () => {
  const answers = [refusal(429, 'too_many_attempts', { retry_after: 60 })];
  serve({ [OPEN]: () => answers.shift() ?? { status: 200, body: opened() } });
  visit('/t/ABCD2345#the-key');
  expect(await screen.findByRole('alert')).toHaveTextContent('Please try again in 1 minute.');
  await press('Try again');
  expect(await screen.findByRole('img', { name: 'QR code for booking ABCD2345' })).toBeVisible();
});

test('a booking is cancelled by its link, after a question', async () => {
  let isCancelled = false;
  const asked = serve({
    [OPEN]: () => ({ status: 200, body: isCancelled ? cancelled() : opened() }),
    [CANCEL]: () => {
      isCancelled = true;
      return { status: 200, body: cancelled() };
    },
  });
  visit('/t/ABCD2345#the-key');
  await press('Cancel this booking');
  expect(bodies(asked, CANCEL)).toEqual([]);
  await press('Cancel and refund €24.00');
  expect(await screen.findByRole('heading', { name: 'Cancelled' })).toBeVisible();
  expect(screen.queryByRole('img')).toBeNull();
  expect(screen.getByText('Booking cancelled.')).toBeInTheDocument();
  expect(bodies(asked, CANCEL)).toEqual([LINK]);
});

test('a refusal to cancel is said, and the ticket stays', async () => {
  serve({
    [OPEN]: () => ({ status: 200, body: opened() }),
    [CANCEL]: () => refusal(409, 'not_cancellable'),
  });
  visit('/t/ABCD2345#the-key');
  await press('Cancel this booking');
  await press('Cancel and refund €24.00');
  expect(await screen.findByText('This booking can no longer be cancelled.')).toBeVisible();
  expect(screen.getByRole('img')).toBeVisible();
});

test('the booking of an account is shown by its link, and not cancelled by it', async () => {
  serve({ [OPEN]: () => ({ status: 200, body: opened({ cancellable: false }) }) });
  visit('/t/ABCD2345#the-key');
  await screen.findByRole('img');
  expect(screen.queryByRole('button', { name: 'Cancel this booking' })).toBeNull();
});

test('the calendar’s file comes by the link', async () => {
  const asked = fakeFlask({
    '/api/auth/refresh': () => ({ status: 204 }),
    [OPEN]: () => ({ status: 200, body: opened() }),
    [CALENDAR]: () => ({ status: 200, body: 'BEGIN:VCALENDAR' }),
  });
  visit('/t/ABCD2345#the-key');
  await press('Add to calendar');
  await waitFor(() =>
    expect(saveFile).toHaveBeenCalledWith('frontrow-ABCD2345.ics', 'text/calendar', '"BEGIN:VCALENDAR"'),
  );
  expect(bodies(asked, CALENDAR)).toEqual([LINK]);
});
