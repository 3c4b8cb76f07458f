import type { Booking } from '@/api/bookings';
import { isApiError, sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { useResendTicket } from '../api/resend-ticket';
import { useCalendarFile } from '../api/ticket';
import { TakeAlong } from './take-along';

/** Ways for the one who has booked to take a ticket along. */
export function TicketActions({ booking: { id, reference } }: { booking: Booking }) {
  const words = text.bookings.ticket;
  const calendar = useCalendarFile(id, reference);
  const send = useResendTicket();
  return (
    <div className="flex flex-col gap-4 print:hidden">
      <TakeAlong calendar={calendar}>
        <Button look="secondary" busy={send.isPending} onClick={() => send.mutate(id)}>
          {words.resend}
        </Button>
      </TakeAlong>
      {send.isError && (
        <Notice tone="bad">
          {isApiError(send.error, 'too_many_attempts') ? words.sentTooOften : sentenceFor(send.error)}
        </Notice>
      )}
      <div role="status">{send.data && <Notice tone="good">{words.sent(send.data.sent_to)}</Notice>}</div>
    </div>
  );
}
