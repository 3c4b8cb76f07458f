import type { ReactNode } from 'react';

import type { Booking } from '@/api/bookings';
import { Notice } from '@/shared/components/notice';
import { text } from '@/shared/text';

import { BookingFacts } from './booking-facts';

interface TicketProps {
  booking: Booking;
  /** What the door reads. */
  code: ReactNode;
  /** Ways to take it along. */
  actions: ReactNode;
  /** Where else it is. */
  emailed?: string;
}

/** What is shown at the door. Printed, nothing else is. */
export function Ticket({ booking, code, actions, emailed }: TicketProps) {
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
        <div className="mx-auto w-full max-w-64">{code}</div>
        <BookingFacts booking={booking} withReference />
      </section>
      <p className="text-muted wrap-anywhere print:hidden">
        {words.door} {emailed}
      </p>
      {actions}
    </div>
  );
}
