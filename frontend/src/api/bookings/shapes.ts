import { z } from 'zod';

const refundSchema = z.object({
  id: z.string(),
  amount: z.number(),
  currency: z.string(),
  reason: z.string(),
  status: z.enum(['queued', 'pending', 'succeeded', 'failed', 'void']),
  updated_at: z.string(),
});

const disputeSchema = z.object({
  id: z.string(),
  amount: z.number(),
  currency: z.string(),
  /** In Stripe's words. */
  status: z.string(),
  closed_at: z.string().nullable(),
});

/** A booking as lists show it (private.booking_summary in sql/booking/my_bookings.sql). */
const summarySchema = z.object({
  id: z.string(),
  reference: z.string(),
  status: z.enum(['pending', 'confirmed', 'expired', 'cancelled', 'refunded']),
  total: z.number(),
  currency: z.string(),
  expires_at: z.string(),
  confirmed_at: z.string().nullable(),
  seats: z.array(
    z.object({
      seat_id: z.number(),
      row: z.string(),
      number: z.number(),
      kind: z.enum(['standard', 'premium', 'love', 'wheelchair', 'companion']),
      price: z.number(),
    }),
  ),
  refunds: z.array(refundSchema),
  showtime: z.object({
    id: z.number(),
    starts_at: z.string(),
    ends_at: z.string(),
    status: z.enum(['scheduled', 'cancelled']),
  }),
  movie: z.object({ title: z.string() }),
  theater: z.object({ name: z.string(), address: z.string(), city: z.string(), time_zone: z.string() }),
  auditorium: z.string(),
});

/** What my_booking answers. */
export const bookingSchema = summarySchema.extend({
  server_time: z.string(),
  /** 'infinity' where the cinema has cancelled the showtime; null for a booking that is not confirmed. */
  cancellable_until: z.string().nullable(),
  /** When the showtime was to start as the customer booked it, if it was moved since. */
  moved_from: z.string().nullable(),
  refundable_amount: z.number().nullable(),
  payments: z.array(
    z.object({
      status: z.enum(['open', 'succeeded', 'canceled']),
      payment_intent_id: z.string().nullable(),
    }),
  ),
  disputes: z.array(disputeSchema),
});

/** What my_bookings answers; `after` gets the next page. */
export const bookingsPageSchema = z.object({
  server_time: z.string(),
  bookings: z.array(summarySchema),
  after: z.string().nullable(),
});

export type BookingSummary = z.output<typeof summarySchema>;
/** A booking of the viewer's own, with its seats, its money, and what it is for. */
export type Booking = z.output<typeof bookingSchema>;
export type Refund = z.output<typeof refundSchema>;
export type Dispute = z.output<typeof disputeSchema>;
