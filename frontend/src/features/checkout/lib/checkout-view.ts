import type { Booking } from '@/api/bookings';

import type { IntentStatus } from '../api/payment-intent';

/**
 * pay: the form. booking: paid, and the seats are being booked. processing: the bank has not said yet. late: paid, but
 * only after the time was over or the booking was given up. returned: the money goes back. ticket: there is, or was, a
 * ticket. given-up and time-over: nothing was paid.
 */
export type CheckoutView =
  'pay' | 'booking' | 'processing' | 'late' | 'returned' | 'ticket' | 'given-up' | 'time-over';

export type BookingState = Pick<Booking, 'status' | 'expires_at' | 'confirmed_at'> & {
  refunds: readonly unknown[];
};

interface Situation {
  booking: BookingState;
  /** What Stripe says of the payment, as far as the page knows. */
  intent: IntentStatus | undefined;
  /** A card is being charged at this moment. */
  paying: boolean;
  /** The server's time in milliseconds. */
  now: number;
}

/** What the checkout shows. The server decides: nothing here is kept by the page alone. */
export function checkoutView({ booking, intent, paying, now }: Situation): CheckoutView {
  if (booking.status === 'confirmed' || booking.confirmed_at !== null) return 'ticket';
  if (booking.refunds.length > 0) return 'returned';
  const payable = booking.status === 'pending' && now < Date.parse(booking.expires_at);
  if (intent === 'succeeded') return payable ? 'booking' : 'late';
  if (intent === 'processing') return 'processing';
  if (booking.status === 'cancelled') return 'given-up';
  return payable || paying ? 'pay' : 'time-over';
}

/** After how many milliseconds to read the booking again; false when nothing more will come. */
export function refetchInterval(view: CheckoutView, moneyMayCome: boolean): number | false {
  switch (view) {
    case 'booking':
    case 'late':
      return 1_500;
    case 'processing':
    case 'returned':
      return 5_000;
    case 'pay':
      return 15_000;
    case 'time-over':
    case 'given-up':
      return moneyMayCome ? 10_000 : false;
    case 'ticket':
      return false;
  }
}
