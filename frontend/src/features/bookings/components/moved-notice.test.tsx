import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { Booking } from '@/api/bookings';

import { MovedNotice } from './moved-notice';

const booking = (moved_from: string | null, status = 'confirmed', showtime = 'scheduled') =>
  ({
    id: 'b7',
    status,
    moved_from,
    showtime: { starts_at: '2026-12-04T18:30:00+00:00', status: showtime },
    theater: { time_zone: 'Europe/Vienna' },
  }) as unknown as Booking;

test('a moved showtime is shown with both times, in its theater’s zone', () => {
  render(<MovedNotice booking={booking('2026-12-03T19:00:00+00:00')} />);
  expect(screen.getByText('This showtime was moved')).toBeVisible();
  const times = screen.getByText(/^It was on/);
  expect(times).toHaveTextContent(/Thursday 3 December 2026, 20:00.*Friday 4 December 2026, 19:30/);
  expect(screen.getByText(/free of charge until it starts/)).toBeVisible();
});

test('nobody who has no ticket, or whose showtime is cancelled, is told to cancel', () => {
  const { rerender } = render(<MovedNotice booking={booking('2026-12-03T19:00:00+00:00', 'pending')} />);
  expect(screen.getByText('This showtime was moved')).toBeVisible();
  expect(screen.queryByText(/free of charge/)).toBeNull();
  rerender(<MovedNotice booking={booking('2026-12-03T19:00:00+00:00', 'confirmed', 'cancelled')} />);
  expect(screen.queryByText(/free of charge/)).toBeNull();
});

test.each([null, '2026-12-04T19:30:00+01:00'])('moved from %s, which is where it is, is no news', (from) => {
  const { container } = render(<MovedNotice booking={booking(from)} />);
  expect(container).toBeEmptyDOMElement();
});
