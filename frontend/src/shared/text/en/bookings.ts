export const bookings = {
  title: 'My tickets',
  booking: 'Your booking',
};
