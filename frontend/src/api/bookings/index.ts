export { allBookings, bookingQuery, bookingsQuery } from './booking';
export { useCancelBooking } from './cancel-booking';
export { bookingSchema } from './shapes';
export type { Booking, BookingSummary, Dispute, Refund } from './shapes';
