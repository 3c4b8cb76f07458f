import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';

import type { Booking } from '@/api/bookings';
import { createQueryClient } from '@/api/query-client';

import { CancelBooking } from './cancel-booking';

/** The amount is the database's: what was paid, less what has gone back. */
const booking = (refundable_amount: number) =>
  ({
    id: 'b7',
    total: 3000,
    currency: 'EUR',
    cancellable_until: 'infinity',
    refundable_amount,
    theater: { time_zone: 'Europe/Vienna' },
  }) as unknown as Booking;

async function ask(of: Booking) {
  render(
    <QueryClientProvider client={createQueryClient()}>
      <CancelBooking booking={of} />
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByRole('button', { name: 'Cancel this booking' }));
}

test('a booking without refunds is refunded in full', async () => {
  await ask(booking(3000));
  expect(screen.getByText('You can cancel at any time and get a full refund.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('€30.00 refunded to your original payment method.');
  expect(screen.getByRole('button', { name: 'Cancel and refund €30.00' })).toBeVisible();
});

test('what was refunded already is not promised again', async () => {
  await ask(booking(2500));
  expect(screen.getByText('You can cancel at any time and get €25.00 back.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('€25.00 refunded to your original payment method.');
  expect(screen.getByRole('button', { name: 'Cancel and refund €25.00' })).toBeVisible();
  expect(screen.queryByText(/30\.00/)).toBeNull();
});

test('where nothing is left, nothing is promised', async () => {
  await ask(booking(0));
  expect(screen.getByText('You can cancel at any time.')).toBeVisible();
  expect(screen.getByRole('dialog')).toHaveTextContent('There is nothing left to refund.');
  expect(screen.getByRole('button', { name: 'Cancel booking' })).toBeVisible();
});
