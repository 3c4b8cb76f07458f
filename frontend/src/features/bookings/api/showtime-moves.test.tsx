import { QueryClientProvider } from '@tanstack/react-query';
import { renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { expect, test, vi } from 'vitest';

import { allBookings, type Booking } from '@/api/bookings';
import { createQueryClient } from '@/api/query-client';

import { useShowtimeMoves } from './showtime-moves';

type OnEvent = (event: string, payload: unknown) => void;

const topics = vi.hoisted(() => new Map<string, OnEvent>());

vi.mock('@/api/realtime', () => ({
  listen: (topic: string, { onEvent }: { onEvent: OnEvent }) => {
    topics.set(topic, onEvent);
    return () => topics.delete(topic);
  },
}));

test('a booking is read again when its showtime has another time, and for nothing else', () => {
  const client = createQueryClient();
  const read = vi.spyOn(client, 'invalidateQueries').mockResolvedValue();
  const booking = { showtime: { id: 7, starts_at: '2026-12-04T18:30:00+00:00' } } as Booking;
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const { unmount } = renderHook(() => useShowtimeMoves(booking), { wrapper });
  const send: OnEvent = (event, payload) => topics.get('showtime:7')?.(event, payload);
  send('showtime:update', { seats_left: 3, starts_at: '2026-12-04T19:30:00+01:00' });
  send('showtime:update', { seats_left: 3 });
  send('seat:lock', { starts_at: '2026-12-05T18:30:00+00:00' });
  expect(read).not.toHaveBeenCalled();
  send('showtime:update', { seats_left: 3, starts_at: '2026-12-05T18:30:00+00:00' });
  expect(read).toHaveBeenCalledExactlyOnceWith(allBookings);
  unmount();
  expect(topics.size).toBe(0);
});
