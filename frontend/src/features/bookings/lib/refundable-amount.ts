import type { Booking } from '@/api/bookings';

type Money = Pick<Booking, 'total'> & {
  payments: readonly Pick<Booking['payments'][number], 'id' | 'amount_received'>[];
  refunds: readonly Pick<Booking['refunds'][number], 'payment_id' | 'amount' | 'status' | 'reason'>[];
  disputes: readonly Pick<Booking['disputes'][number], 'payment_id' | 'amount' | 'status'>[];
};

/**
 * What a cancellation would refund, in minor units: what was paid, less what has been refunded, is being refunded, or was
 * lost in a dispute. As sql/payments/refunds.sql counts it, which has the last word.
 */
export function refundableAmount({ payments, refunds, disputes }: Money): number {
  const returned = (id: string) => [
    ...refunds.filter(
      ({ payment_id, status, reason }) =>
        payment_id === id && status !== 'void' && !(status === 'failed' && reason === 'made_at_stripe'),
    ),
    ...disputes.filter(({ payment_id, status }) => payment_id === id && status === 'lost'),
  ];
  return payments.reduce((sum, { id, amount_received }) => {
    const left = (amount_received ?? 0) - returned(id).reduce((total, { amount }) => total + amount, 0);
    return sum + Math.max(0, left);
  }, 0);
}
