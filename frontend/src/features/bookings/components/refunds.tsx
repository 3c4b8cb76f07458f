import type { Booking } from '@/api/bookings';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { disputeSentence, refundReason, refundSentence } from '../lib/refund-text';

/** The money of a booking that goes back, and what the customer's bank says against it. */
export function Refunds({ booking }: { booking: Booking }) {
  const { time_zone: timeZone } = booking.theater;
  const { refunds, dispute } = text.bookings;
  return (
    <div aria-live="polite" className="flex flex-col gap-4 empty:hidden">
      {booking.refunds.map((refund) => (
        <Notice key={refund.id} tone={refund.status === 'failed' ? 'warn' : 'info'} title={refunds}>
          <p>{refundReason(refund)}</p>
          <p className="mt-1">{refundSentence(refund, timeZone)}</p>
        </Notice>
      ))}
      {booking.disputes.map((each) => (
        <Notice key={each.id} tone="warn" title={dispute.title}>
          {disputeSentence(each)}
        </Notice>
      ))}
    </div>
  );
}
