import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useLocation } from 'react-router';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { session } from '@/api/session';
import type { Listener } from '@/api/topics';
import { announcement } from '@/shared/lib/announce';
import { asGuest, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';
import { renderRoutes } from '@/test/render';

import { ShowtimeSeats } from './showtime-seats';

const human = vi.hoisted(() => ({ configured: true }));
vi.mock('../api/human-check', () => ({ humanCheckIsConfigured: () => human.configured }));
vi.mock('./human-check', () => ({
  HumanCheck: ({ open, onPassed, onClose }: Record<'onPassed' | 'onClose', () => void> & { open: boolean }) =>
    open && (
      <div role="dialog">
        <button onClick={onPassed}>Pass</button>
        <button onClick={onClose}>Leave</button>
      </div>
    ),
}));
const listening = vi.hoisted(() => new Set<Listener>());
vi.mock('@/api/realtime', () => ({
  listen: (_topic: string, listener: Listener) => {
    listening.add(listener);
    return () => listening.delete(listener);
  },
}));

const realtime = {
  onEvent: (event: string, payload: unknown) =>
    listening.forEach((listener) => listener.onEvent(event, payload)),
  onJoined: () => listening.forEach((listener) => listener.onJoined?.()),
  onLost: () => listening.forEach((listener) => listener.onLost?.()),
};

const HOUR = 3_600_000;
/** The clock of the server is an hour ahead of this machine's: code that counts by the device's clock fails. */
const serverTime = (later = 0) => new Date(Date.now() + HOUR + later).toISOString();

interface Lock {
  seatId: number;
  lockId: number;
  mine: boolean;
  expiresAt: string;
}

/** An auditorium of three seats and what the Data API would say of it. */
class Auditorium {
  locks: Lock[] = [];
  limit = 10;
  pendingBookingId: string | null = null;
  reads = 0;

  revision = 0;
  version = 2;

  showtime() {
    const body = {
      ...{ id: 7, starts_at: serverTime(HOUR), status: 'scheduled' as const, revision: this.revision },
      movie: { slug: 'faust', title: 'Faust' },
      auditorium: { id: 1, name: 'Salon', layout_version: this.version },
      theater: { name: 'Lantern', time_zone: 'Europe/Vienna', currency: 'EUR' },
      prices: [{ kind: 'standard' as const, price: 1150 }],
      seat_limit: this.limit,
      server_time: serverTime(),
    };
    return { status: 200, body };
  }

  layout() {
    const seats = [1, 2, 3].map((id) => [id, 'A', id, id, 1, 'standard']);
    return { status: 200, body: { auditorium_id: 1, version: this.version, seats } };
  }

  states() {
    this.reads += 1;
    const others = this.locks.filter(({ mine }) => !mine);
    return {
      status: 200,
      body: {
        server_time: serverTime(),
        revision: this.revision,
        layout_version: this.version,
        pending_booking_id: this.pendingBookingId,
        booked: [],
        locked: others.map(({ seatId }) => [seatId]),
        lock_ids: others.map(({ lockId }) => lockId),
        expiries: others.map(({ expiresAt }) => Math.ceil(Date.parse(expiresAt) / 60_000) * 60),
        mine: this.locks
          .filter(({ mine }) => mine)
          .map(({ seatId, lockId, expiresAt }) => ({
            ...{ seat_id: seatId, lock_id: lockId, expires_at: expiresAt },
          })),
        blocked: [],
      },
    };
  }

  hold(seatId: number, mine: boolean, milliseconds = 600_000): Lock {
    const lock = { seatId, lockId: 10 + seatId, mine, expiresAt: serverTime(milliseconds) };
    this.locks.push(lock);
    return lock;
  }

  selection() {
    const mine = this.locks.filter((lock) => lock.mine);
    const body = {
      seat_ids: mine.map(({ seatId }) => seatId),
      lock_ids: mine.map(({ lockId }) => lockId),
      expires_at: mine[0]?.expiresAt ?? null,
    };
    return { status: 200, body };
  }
}

const SHOWTIME = '/rest/v1/rpc/showtime';
const LAYOUT = '/rest/v1/rpc/seat_layout';
const STATES = '/rest/v1/rpc/seat_states';
const LOCK = '/rest/v1/rpc/lock_seats';
const RELEASE = '/rest/v1/rpc/release_seats';

let auditorium: Auditorium;
let asked: Asked[];

const seat = (number: number) =>
  screen.findByRole('gridcell', { name: new RegExp(`^Row A, seat ${number},`) });
const choose = async (number: number) => fireEvent.click(await seat(number));
const expectSeat = (number: number, state: string) =>
  waitFor(async () => expect(await seat(number)).toHaveAccessibleName(new RegExp(`, ${state}$`)));
const askedFor = (path: string) => asked.filter((each) => each.path === path).map(({ body }) => body);

function Address() {
  const { pathname, search } = useLocation();
  return <p>{pathname + search}</p>;
}

function open(answers: Parameters<typeof fakeFlask>[0] = {}) {
  asked = fakeFlask({
    '/api/auth/refresh': () => ({ status: 204 }),
    '/rest/v1/rpc/server_time': () => ({ status: 200, body: serverTime() }),
    [SHOWTIME]: () => auditorium.showtime(),
    [LAYOUT]: () => auditorium.layout(),
    [STATES]: () => auditorium.states(),
    [LOCK]: ({ body }) => {
      (body as { seat_ids: number[] }).seat_ids.forEach((id) => auditorium.hold(id, true));
      return auditorium.selection();
    },
    ...answers,
  });
  return renderRoutes(
    [
      { path: '/showtimes/7', element: <ShowtimeSeats showtimeId={7} /> },
      { path: '*', element: <Address /> },
    ],
    '/showtimes/7',
  );
}

beforeEach(async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  auditorium = new Auditorium();
  sessionStorage.clear();
  await session.enter(() => Promise.resolve(signedIn('token')));
});
afterEach(async () => {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
  vi.useRealTimers();
});

test('a seat is mine at once, and stays so when the server agrees', async () => {
  let agree: () => void = () => undefined;
  const asking = new Promise<void>((resolve) => (agree = resolve));
  open({
    [LOCK]: async () => {
      await asking;
      auditorium.hold(1, true);
      return auditorium.selection();
    },
  });
  await choose(1);
  await expectSeat(1, 'yours');
  expect(askedFor(LOCK)).toEqual([{ showtime_id: 7, seat_ids: [1] }]);
  expect(screen.queryByRole('timer')).toBeNull();
  agree();
  expect(await screen.findByRole('timer')).toHaveTextContent(/(10:00|9:59)$/);
  await expectSeat(1, 'yours');
  expect(announcement.get()).toMatch(/^Seat A1 is yours for/);
});

test('the slower customer is shown which seat is gone, and sees it on hold', async () => {
  open({
    [LOCK]: () => {
      auditorium.hold(2, false);
      return refusal(409, 'seat_taken', { seat_ids: [2] });
    },
  });
  await choose(2);
  expect(await screen.findByText('Seat A2 was just taken. Please choose another.')).toBeVisible();
  await expectSeat(2, 'on hold');
  await expectSeat(1, 'free');
  await waitFor(() => expect(auditorium.reads).toBe(2));
  await expectSeat(2, 'on hold');
});

test('a choice that nobody answered is undone, reported, and looked up', async () => {
  open({
    [LOCK]: () => {
      auditorium.hold(1, true);
      return refusal(503, 'busy');
    },
  });
  await choose(1);
  expect(await screen.findByText(/^Frontrow is busy right now/)).toBeVisible();
  expect(askedFor(LOCK)).toHaveLength(2);
  await expectSeat(1, 'yours');
});

test('a seat is released at once', async () => {
  auditorium.hold(1, true);
  open({
    [RELEASE]: () => {
      auditorium.locks = [];
      return auditorium.selection();
    },
  });
  await expectSeat(1, 'yours');
  await choose(1);
  await expectSeat(1, 'free');
  expect(askedFor(RELEASE)).toEqual([{ showtime_id: 7, seat_ids: [1] }]);
  await waitFor(() => expect(announcement.get()).toBe('Seat A1 removed.'));
});

test('nobody is asked for more seats than the server allows', async () => {
  auditorium.limit = 2;
  [1, 2].forEach((id) => auditorium.hold(id, true));
  open();
  await expectSeat(2, 'yours');
  await choose(3);
  expect(await screen.findByText(/^You have 2 seats, the most you can book/)).toBeVisible();
  expect(askedFor(LOCK)).toEqual([]);
  await expectSeat(3, 'free');
});

test('a selection ends by the clock of the server, and the viewer is told', async () => {
  auditorium.hold(1, true, 20_000);
  open();
  await expectSeat(1, 'yours');
  await act(() => vi.advanceTimersByTimeAsync(15_000));
  await expectSeat(1, 'yours');
  auditorium.locks = [];
  await act(() => vi.advanceTimersByTimeAsync(6_000));
  await expectSeat(1, 'free');
  expect(screen.getByText(/^Your hold expired and the seats were released/)).toBeVisible();
});

test('what others do is shown as it happens, and what was missed once the topic is rejoined', async () => {
  open();
  await expectSeat(1, 'free');
  act(() => {
    realtime.onJoined();
    realtime.onEvent('seat:lock', { seat_ids: [1], lock_ids: [11], expires_at: serverTime(600_000) });
  });
  expect(await seat(1)).toHaveAccessibleName(/on hold$/);
  act(() => realtime.onLost());
  expect(screen.getByText('Updates are delayed')).toBeInTheDocument();
  auditorium.locks = [];
  auditorium.hold(2, false);
  act(() => realtime.onJoined());
  await expectSeat(2, 'on hold');
  await expectSeat(1, 'free');
  expect(screen.getByText('Live')).toBeInTheDocument();
});

test('what the viewer does in another tab is his here, too', async () => {
  open();
  await expectSeat(1, 'free');
  const { lockId, expiresAt } = auditorium.hold(1, true);
  act(() => realtime.onEvent('seat:lock', { seat_ids: [1], lock_ids: [lockId], expires_at: expiresAt }));
  const tab = new BroadcastChannel('frontrow.cross-tab');
  tab.postMessage(8);
  tab.postMessage(7);
  await expectSeat(1, 'yours');
  expect(auditorium.reads).toBe(2);
  const message = new Promise((resolve) =>
    tab.addEventListener('message', ({ data }) => resolve(data), { once: true }),
  );
  await choose(2);
  await expect(message).resolves.toBe(7);
  tab.close();
});

test('a pending booking must be paid or cancelled first', async () => {
  auditorium.hold(1, true);
  auditorium.pendingBookingId = 'b7';
  open();
  expect(await screen.findByRole('link', { name: 'Go to payment' })).toHaveAttribute('href', '/checkout/b7');
  await choose(2);
  expect(await screen.findByText(/^You have an unpaid order for this showtime\. Complete/)).toBeVisible();
  expect(askedFor(LOCK)).toEqual([]);
});

const GUEST_SESSION = '/api/auth/guest';

async function asNobody() {
  fakeFlask({ '/api/auth/logout': () => ({ status: 204 }) });
  await session.leave(false);
}

test('two taps of a stranger open one guest session and hold both seats, and the map stays in sight', async () => {
  await asNobody();
  let answer: () => void = () => undefined;
  const asking = new Promise<void>((resolve) => (answer = resolve));
  open({
    [GUEST_SESSION]: async () => {
      await asking;
      return { status: 201, body: asGuest() };
    },
  });
  const cell = await seat(1);
  fireEvent.click(cell);
  await choose(3);
  await expectSeat(1, 'yours');
  await expectSeat(3, 'yours');
  expect(screen.queryByRole('timer')).toBeNull();
  expect(askedFor(LOCK)).toEqual([]);
  answer();
  expect(await screen.findByRole('timer')).toHaveTextContent(/(10:00|9:59)$/);
  await waitFor(() => expect(askedFor(LOCK)).toHaveLength(2));
  expect(askedFor(LOCK)).toEqual([1, 3].map((id) => ({ showtime_id: 7, seat_ids: [id] })));
  expect(askedFor(GUEST_SESSION)).toHaveLength(1);
  expect(asked.filter(({ path }) => path === LOCK).map(({ authorization }) => authorization)).toEqual(
    Array(2).fill('Bearer guest token'),
  );
  await expectSeat(3, 'yours');
  expect(cell).toBeInTheDocument();
  expect(cell).toHaveAccessibleName(/, yours$/);
});

test('a stranger who may not be a guest now is told for how long, and how to go on', async () => {
  await asNobody();
  open({ [GUEST_SESSION]: () => refusal(429, 'too_many_attempts', { retry_after: 300 }) });
  await choose(1);
  expect(
    await screen.findByText(
      'Too many attempts. Please try again in 5 minutes. If you have an account, sign in instead.',
    ),
  ).toBeVisible();
  await expectSeat(1, 'free');
  expect(askedFor(LOCK)).toEqual([]);
});

/** Locks nothing for a session that the server has ended. */
const forOthersThan = (ended: string) => ({
  [LOCK]: ({ body, authorization }: Asked) => {
    if (authorization === `Bearer ${ended}`) return refusal(401, 'session_ended');
    (body as { seat_ids: number[] }).seat_ids.forEach((id) => auditorium.hold(id, true));
    return auditorium.selection();
  },
});

test('a guest whose session has ended is another guest, and gets the seat', async () => {
  await session.enter(() => Promise.resolve({ ...asGuest(), access_token: 'ended' }));
  open({
    ...forOthersThan('ended'),
    [GUEST_SESSION]: () => ({ status: 201, body: asGuest({ id: 'another' }) }),
  });
  await choose(2);
  await waitFor(() => expect(askedFor(LOCK)).toHaveLength(2));
  await expectSeat(2, 'yours');
});

test('who had an account signs in again, and the seat that was wanted is taken then', async () => {
  const { unmount } = open(forOthersThan('token'));
  await choose(3);
  expect(await screen.findByText('/sign-in?return=%2Fshowtimes%2F7')).toBeVisible();
  unmount();
  await session.enter(() => Promise.resolve(signedIn('another')));
  open();
  await expectSeat(3, 'yours');
  expect(askedFor(LOCK)).toEqual([{ showtime_id: 7, seat_ids: [3] }]);
});

test('on to the payment', async () => {
  auditorium.hold(1, true);
  open({ '/rest/v1/rpc/create_booking': () => ({ status: 200, body: { id: 'b7' } }) });
  await userEvent
    .setup({ advanceTimers: (by) => vi.advanceTimersByTime(by) })
    .click(await screen.findByRole('button', { name: 'Continue to payment' }));
  expect(await screen.findByText('/checkout/b7')).toBeVisible();
});

/** A showtime under pressure: it locks for tokens that say that a check was passed. */
function underPressure() {
  let passed = false;
  open({
    [LOCK]: ({ body }) => {
      if (!passed) return refusal(403, 'human_check_required');
      (body as { seat_ids: number[] }).seat_ids.forEach((id) => auditorium.hold(id, true));
      return auditorium.selection();
    },
  });
  return () => {
    passed = true;
  };
}

test('a seat that waited for a human check is locked by itself afterwards', async () => {
  const pass = underPressure();
  await choose(2);
  const button = await screen.findByRole('button', { name: 'Pass' });
  await expectSeat(2, 'free');
  pass();
  fireEvent.click(button);
  await expectSeat(2, 'yours');
  expect(askedFor(LOCK)).toEqual([
    { showtime_id: 7, seat_ids: [2] },
    { showtime_id: 7, seat_ids: [2] },
  ]);
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('who leaves a human check is back at the map', async () => {
  underPressure();
  await choose(2);
  fireEvent.click(await screen.findByRole('button', { name: 'Leave' }));
  expect(screen.queryByRole('dialog')).toBeNull();
  await expectSeat(2, 'free');
  expect(askedFor(LOCK)).toHaveLength(1);
});

test('a page without a human check says that it cannot ask', async () => {
  human.configured = false;
  try {
    underPressure();
    await choose(2);
    expect(await screen.findByText(/This showtime is very busy right now/)).toBeVisible();
    expect(screen.queryByRole('dialog')).toBeNull();
    await expectSeat(2, 'free');
  } finally {
    human.configured = true;
  }
});

const counts = () => [SHOWTIME, LAYOUT, STATES].map((path) => askedFor(path).length);

test('opening asks for the showtime, the layout and the states once, and a rejoin for the states', async () => {
  open();
  await screen.findByRole('heading', { name: 'Faust' });
  await waitFor(() => expect(listening.size).toBe(2));
  act(() => realtime.onJoined());
  await expectSeat(1, 'free');
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  expect(counts()).toEqual([1, 1, 1]);
  act(() => realtime.onLost());
  act(() => realtime.onJoined());
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  expect(counts()).toEqual([1, 1, 2]);
});

test('without Realtime the states are read after a second, and each half a minute', async () => {
  open();
  await expectSeat(1, 'free');
  expect(counts()).toEqual([1, 1, 1]);
  await act(() => vi.advanceTimersByTimeAsync(91_000));
  expect(counts()).toEqual([1, 1, 4]);
});

test('with Realtime the clock reads them seldom', async () => {
  open();
  await expectSeat(1, 'free');
  act(() => realtime.onJoined());
  await act(() => vi.advanceTimersByTimeAsync(3 * 60_000));
  const [, , reads = 0] = counts();
  expect(reads).toBe(2);
  await act(() => vi.advanceTimersByTimeAsync(4 * 60_000));
  expect(counts()[2]).toBe(reads + 1);
});

test('seats left are no reason to ask for the showtime, a new time or state is', async () => {
  open();
  await expectSeat(1, 'free');
  const update = (changes: object) =>
    act(() => realtime.onEvent('showtime:update', { seats_left: 2, status: 'scheduled', ...changes }));
  update({});
  update({ revision: 0 });
  await act(() => vi.advanceTimersByTimeAsync(100));
  expect(counts()[0]).toBe(1);
  auditorium.revision = 1;
  update({ revision: 1 });
  await waitFor(() => expect(counts()[0]).toBe(2));
  update({ revision: 1, status: 'cancelled' });
  await waitFor(() => expect(counts()[0]).toBe(3));
});

test('states of another layout or revision have that read anew', async () => {
  open();
  await expectSeat(1, 'free');
  auditorium.version = 3;
  act(() => realtime.onJoined());
  await waitFor(() => expect(counts()).toEqual([1, 2, 2]));
  auditorium.revision = 1;
  act(() => realtime.onJoined());
  await waitFor(() => expect(counts()[0]).toBe(2));
});

test('a layout that has been replaced meanwhile is asked for as it is now', async () => {
  const outdated = refusal(409, 'layout_outdated', { version: 3 });
  let first = true;
  open({
    [LAYOUT]: () => {
      if (!first) return auditorium.layout();
      first = false;
      return outdated;
    },
  });
  await expectSeat(1, 'free');
  expect(askedFor(LAYOUT)).toHaveLength(2);
});
