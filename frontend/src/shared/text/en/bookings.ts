export const bookings = {
  title: 'My tickets',
  booking: 'Your booking',
  ticketTitle: 'Your ticket',
  empty: {
    title: 'No tickets yet',
    sentence: 'Your tickets will appear here.',
  },
  sections: { upcoming: 'Upcoming', past: 'Past and cancelled' },
  showMore: 'Show more',
  status: {
    pending: 'Awaiting payment',
    confirmed: 'Booked',
    past: 'Past',
    expired: 'Not paid in time',
    cancelled: 'Cancelled',
    refunded: 'Cancelled and refunded',
    showtimeCancelled: 'Showtime cancelled by the cinema',
  },
  facts: {
    reference: 'Reference',
    time: 'Time',
    theater: 'Theater',
    seats: (count: number) => (count === 1 ? 'Seat' : 'Seats'),
    total: 'Total',
  },
  kinds: {
    standard: '',
    premium: 'premium',
    wheelchair: 'wheelchair space',
    companion: 'companion',
    love: 'love seat',
  },
  seat: (row: string, number: number) => `Row ${row}, seat ${number}`,
  seatCount: (count: number) => (count === 1 ? '1 seat' : `${count} seats`),
  finishPaying: 'Complete payment',
  ticket: {
    confirmed: 'Your seats are booked',
    door: 'Show this code at the door or give your reference.',
    alsoEmailed: 'We also emailed it to you.',
    late: 'Your payment arrived after your hold had expired. Your seats were still available, so they are yours.',
    qr: (reference: string) => `QR code for booking ${reference}`,
    failed: 'We couldn’t load the code. Your reference is enough at the door.',
    calendar: 'Add to calendar',
    print: 'Print',
    resend: 'Email it again',
    sent: (address: string) => `Your ticket is on its way to ${address}.`,
    emailed: (address: string) => `We emailed your ticket to ${address}.`,
    sentTooOften: 'We have already sent this ticket three times today. Please check your spam folder.',
  },
  link: {
    expired: 'This link does not open a ticket any more',
    expiredSentence: 'Use the link in the latest email about it, or find the ticket in your account.',
    lost: 'This link is not complete',
    lostSentence: 'Open the link in the email again, or copy all of it.',
  },
  moved: {
    title: 'This showtime was moved',
    times: (before: string, now: string) => `It was on ${before}. It is now on ${now}.`,
    free: 'Your tickets stay valid. If the new time does not suit you, cancel free of charge until it starts.',
  },
  cancel: {
    open: 'Cancel this booking',
    until: (time: string | undefined, promise: string) =>
      `You can cancel ${time === undefined ? 'at any time' : `until ${time}`}${promise}.`,
    full: ' and get a full refund',
    rest: (amount: string | undefined) => (amount === undefined ? '' : ` and get ${amount} back`),
    over: (time: string) => `Cancellation closed on ${time}.`,
    title: 'Cancel this booking?',
    gives: (amount: string | undefined) =>
      amount === undefined
        ? 'Your seats will be released. There is nothing left to refund.'
        : `Your seats will be released and ${amount} refunded to your original payment method.`,
    keep: 'Keep my seats',
    confirm: (amount: string | undefined) =>
      amount === undefined ? 'Cancel booking' : `Cancel and refund ${amount}`,
    done: 'Booking cancelled.',
  },
  ended: {
    expired: 'This booking was not paid in time, so its seats were released.',
    cancelled: 'This booking was cancelled.',
    refunded: 'This booking was cancelled and refunded.',
  },
  toSeats: 'Choose seats for this showtime',
  refunds: 'Your refund',
  refund: {
    queued: (amount: string) =>
      `${amount} will be refunded to your original payment method. We are sending it to your bank.`,
    pending: (amount: string) => `${amount} is on its way. Your bank has not confirmed it yet.`,
    succeeded: (amount: string, day: string) =>
      `${amount} was sent to your bank on ${day}. It may take up to ten days to appear on your statement.`,
    failed: (amount: string) =>
      `Your bank did not accept the refund of ${amount}. We retry every hour; you don’t need to do anything.`,
    failedForGood: (amount: string) =>
      `Your bank did not accept the refund of ${amount} from the cinema. The cinema has been notified.`,
    void: (amount: string) => `${amount} had already been refunded.`,
  },
  refundReason: {
    cancelled_by_customer: 'You cancelled this booking.',
    seats_gone:
      'Your payment arrived after your hold had expired, and someone else had taken your seats. We never swap seats, so nothing was booked.',
    showtime_closed: 'Your payment arrived when this showtime was no longer on sale, so nothing was booked.',
    showtime_cancelled: 'The cinema has cancelled this showtime. We’re sorry.',
    too_many_seats:
      'Your payment arrived after your hold had expired, and you had taken other seats in the meantime. Together they exceed the limit per person, so nothing was booked.',
    booking_cancelled: 'Your payment arrived after the booking had been cancelled.',
    second_payment:
      'This booking was paid twice. The first payment keeps your seats; the second is refunded.',
    amount_differs: 'The amount we received did not match the price of the booking.',
    made_at_stripe: 'The cinema has refunded you.',
  },
  dispute: {
    title: 'Payment disputed by your bank',
    open: (amount: string) => `Your bank has taken ${amount} back until the dispute is decided.`,
    won: (amount: string) => `The dispute was decided: the cinema keeps ${amount}.`,
    lost: (amount: string) => `The dispute was decided: you keep ${amount}.`,
    closed: 'The dispute is closed.',
  },
};
