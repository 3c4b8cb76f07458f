export { allBookings, bookingQuery, bookingsQuery, type Booking, type Dispute, type Refund } from './booking';
export { useCancelBooking } from './cancel-booking';
