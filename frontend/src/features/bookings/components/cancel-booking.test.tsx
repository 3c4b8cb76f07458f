import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import type { Booking } from '@/api/bookings';
import { createQueryClient } from '@/api/query-client';

import { refundableAmount } from '../lib/refundable-amount';
import { CancelBooking } from './cancel-booking';

const PAID = { id: 'p1', amount_received: 3000 };
const refund = (amount: number, changes: object = {}) => ({
  payment_id: 'p1',
  amount,
  status: 'succeeded',
  reason: 'made_at_stripe',
  ...changes,
});
const booking = (refunds: object[], changes: object = {}) =>
  ({
    id: 'b7',
    total: 3000,
    currency: 'EUR',
    cancellable_until: 'infinity',
    showtimes: { auditoriums: { theaters: { time_zone: 'Europe/Vienna' } } },
    payments: [PAID],
    disputes: [],
    refunds,
    ...changes,
  }) as unknown as Booking;

async function ask(of: Booking) {
  render(
    <QueryClientProvider client={createQueryClient()}>
      <CancelBooking booking={of} />
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Cancel this booking' }));
}

test('who paid all of it and got nothing back is promised all of it', async () => {
  await ask(booking([]));
  expect(screen.getByText('You can cancel at any time and get a full refund.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('€30.00 refunded to your original payment method.');
  expect(screen.getByRole('button', { name: 'Cancel and refund €30.00' })).toBeVisible();
});

test('what was refunded already is not promised again', async () => {
  await ask(booking([refund(500)]));
  expect(screen.getByText('You can cancel at any time and get €25.00 back.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('€25.00 refunded to your original payment method.');
  expect(screen.getByRole('button', { name: 'Cancel and refund €25.00' })).toBeVisible();
  expect(screen.queryByText(/30\.00/)).toBeNull();
});

test('where nothing is left, nothing is promised', async () => {
  await ask(booking([refund(3000)]));
  expect(screen.getByText('You can cancel at any time.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('There is nothing left to refund.');
  expect(screen.getByRole('button', { name: 'Cancel booking' })).toBeVisible();
});

test.each([
  ['a refund that is still on its way', [refund(500, { status: 'pending' })], {}, 2500],
  ['one of ours that is tried again', [refund(500, { status: 'failed', reason: 'seats_gone' })], {}, 2500],
  ['one that the bank refused for good', [refund(500, { status: 'failed' })], {}, 3000],
  ['one that had nothing left to return', [refund(500, { status: 'void' })], {}, 3000],
  ['a lost dispute', [], { disputes: [{ payment_id: 'p1', amount: 3000, status: 'lost' }] }, 0],
  ['an open dispute', [], { disputes: [{ payment_id: 'p1', amount: 3000, status: 'open' }] }, 3000],
  ['a payment that never came', [], { payments: [{ id: 'p2', amount_received: null }] }, 0],
  [
    'a second payment that was returned',
    [refund(3000, { payment_id: 'p2' })],
    { payments: [PAID, { id: 'p2', amount_received: 3000 }] },
    3000,
  ],
])('%s', (_, refunds, changes, left) => {
  expect(refundableAmount(booking(refunds, changes))).toBe(left);
});
