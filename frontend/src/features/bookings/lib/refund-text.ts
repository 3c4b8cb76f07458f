import type { Dispute, Refund } from '@/api/bookings';
import { formatDate, formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

/** How a refund stands, in plain words. */
export function refundSentence(
  { status, amount, currency, reason, updated_at }: Refund,
  timeZone: string,
): string {
  const words = text.bookings.refund;
  const money = formatMoney(amount, currency);
  switch (status) {
    case 'succeeded':
      return words.succeeded(money, formatDate(updated_at, timeZone));
    case 'failed':
      // Only our own refunds are tried again (sql/payments/refunds.sql).
      return reason === 'made_at_stripe' ? words.failedForGood(money) : words.failed(money);
    default:
      return words[status](money);
  }
}

/** Why the money goes back. */
export function refundReason({ reason }: Pick<Refund, 'reason'>): string {
  const { refundReason: reasons } = text.bookings;
  return Object.hasOwn(reasons, reason) ? reasons[reason as keyof typeof reasons] : reasons.made_at_stripe;
}

export function isUnderWay({ status, reason }: Pick<Refund, 'status' | 'reason'>): boolean {
  return status === 'queued' || status === 'pending' || (status === 'failed' && reason !== 'made_at_stripe');
}

/** How a dispute stands; its status is in Stripe's words. */
export function disputeSentence({ status, closed_at, amount, currency }: Dispute): string {
  const words = text.bookings.dispute;
  const money = formatMoney(amount, currency);
  if (closed_at === null) return words.open(money);
  if (status === 'won') return words.won(money);
  return status === 'lost' ? words.lost(money) : words.closed;
}
