import type { Booking } from '@/api/bookings';
import { isApiError, sentenceFor } from '@/api/errors';
import { Button } from '@/shared/components/button';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { useResendTicket } from '../api/resend-ticket';
import { useCalendarFile } from '../api/ticket';
import { BookingFacts } from './booking-facts';
import { QrCode } from './qr-code';

/** What is shown at the door, and ways to take it along. Printed, nothing else is. */
export function Ticket({ booking }: { booking: Booking }) {
  const words = text.bookings.ticket;
  const late = booking.confirmed_at !== null && booking.confirmed_at > booking.expires_at;
  return (
    <div className="flex flex-col gap-5">
      {late && (
        <div className="print:hidden">
          <Notice tone="good">{words.late}</Notice>
        </div>
      )}
      <section
        aria-label={text.bookings.ticketTitle}
        className="grid max-w-3xl gap-6 rounded-card border border-line bg-surface p-5 sm:grid-cols-[16rem_1fr] sm:p-8"
      >
        <div className="mx-auto w-full max-w-64">
          <QrCode bookingId={booking.id} reference={booking.reference} />
        </div>
        <BookingFacts booking={booking} withReference />
      </section>
      <p className="text-muted print:hidden">{words.door}</p>
      <TicketActions booking={booking} />
    </div>
  );
}

function TicketActions({ booking: { id, reference } }: { booking: Booking }) {
  const words = text.bookings.ticket;
  const calendar = useCalendarFile(id, reference);
  const send = useResendTicket();
  return (
    <div className="flex flex-col gap-4 print:hidden">
      <div className="flex flex-wrap gap-3">
        <Button look="secondary" busy={calendar.isPending} onClick={() => calendar.mutate()}>
          {words.calendar}
        </Button>
        <Button look="secondary" onClick={() => print()}>
          {words.print}
        </Button>
        <Button look="secondary" busy={send.isPending} onClick={() => send.mutate(id)}>
          {words.resend}
        </Button>
      </div>
      {calendar.isError && <Notice tone="bad">{sentenceFor(calendar.error)}</Notice>}
      {send.isError && (
        <Notice tone="bad">
          {isApiError(send.error, 'too_many_attempts') ? words.sentTooOften : sentenceFor(send.error)}
        </Notice>
      )}
      <div role="status">{send.data && <Notice tone="good">{words.sent(send.data.sent_to)}</Notice>}</div>
    </div>
  );
}
