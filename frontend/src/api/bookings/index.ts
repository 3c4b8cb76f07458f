export { allBookings, bookingQuery, bookingsQuery } from './booking';
export { useCancelBooking } from './cancel-booking';
export type { Booking, BookingSummary, Dispute, Refund } from './shapes';
