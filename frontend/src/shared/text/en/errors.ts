import { some } from './plural';

const span = (seconds: number) =>
  seconds <= 3540
    ? some(Math.ceil(seconds / 60), 'minute', 'minutes')
    : some(Math.ceil(seconds / 3600), 'hour', 'hours');

/** One sentence for each error code of sql/platform/errors.sql, and for what no server said. */
export const errors = {
  sign_in_required: 'Please sign in first.',
  invalid_credentials: 'Incorrect email address or password.',
  session_ended: 'Your session has ended. Please sign in again.',
  too_many_attempts: 'Too many attempts. Please wait a while and try again.',
  too_many_attempts_for: (seconds: number) => `Too many attempts. Please try again in ${span(seconds)}.`,
  email_taken: 'This email already has an account. Sign in instead?',
  invalid_email: 'Enter a valid email address.',
  invalid_name: 'Enter a name of 1 to 100 characters, on one line and without links.',
  weak_password: 'Choose a password of 10 to 200 characters that is not easy to guess.',
  unknown_user: 'Account not found.',
  staff_only: 'Staff only.',
  unknown_movie: 'Film not found.',
  unknown_theater: 'Theater not found.',
  human_check_failed: 'That check did not succeed. Please try again.',
  human_check_unavailable: 'The check is unavailable right now. Please try again in a moment.',
  unknown_showtime: 'Showtime not found.',
  unknown_auditorium: 'Auditorium not found.',
  layout_outdated: 'The seats of this auditorium have changed. Please reload the page.',
  showtime_closed: 'This showtime is no longer on sale.',
  no_seats: 'Select at least one seat.',
  duplicate_seat: 'Each seat can be selected only once.',
  too_many_seats: 'That is more seats than you can book per showtime.',
  too_many_seats_of: (limit: number) => `You can book up to ${limit} seats per showtime.`,
  unknown_seat: 'One of those seats is not in this auditorium.',
  seat_taken: 'One of those seats was just taken.',
  seats_taken: (count: number) => `${count} of those seats were just taken.`,
  seat_not_for_sale: 'One of those seats is not for sale for this showtime.',
  human_check_required: 'Please confirm that you are a person, then choose again.',
  booking_pending: 'You have an unpaid order for this showtime. Complete or cancel it first.',
  too_many_held:
    'You are holding as many unpaid seats as one person can. Pay for some or release some first.',
  seat_cooldown:
    'You held one of those seats without buying it. Choose another, or try again in a few minutes.',
  holding_paused: 'You have held seats for this showtime for a while, so others get a turn. Try again later.',
  too_many_unpaid: 'You left several orders unpaid. Please try again later.',
  too_many_returned: 'You returned several orders lately. Please try again later, or contact the cinema.',
  lock_expired: 'Your hold has expired. Choose other seats, or wait a few minutes.',
  amount_not_payable: 'This total cannot be paid online. Please choose other seats.',
  unknown_booking: 'Booking not found.',
  not_cancellable: 'This booking can no longer be cancelled.',
  not_payable: 'This booking can no longer be paid for.',
  no_ticket: 'There is no ticket for this booking.',
  payment_unavailable: 'Payments are unavailable right now. You have not been charged; please try again.',
  invalid_request: 'Invalid request. Please reload the page: it may be out of date.',
  not_found: 'Not found.',
  payload_too_large: 'That is too large to send.',
  busy: 'Frontrow is busy right now. Please try again in a moment.',
  internal: 'Something went wrong on our side. Nothing was charged or changed.',
  offline: 'Frontrow is not responding. Please check your connection and try again.',
  unexpected: 'Something went wrong. Please try again.',
  quote: (sentence: string, id: string) => `${sentence} If you contact us about it, quote ${id}.`,
};
