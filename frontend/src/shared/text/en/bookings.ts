export const bookings = {
  title: 'My tickets',
  booking: 'Your booking',
  ticketTitle: 'Your ticket',
  empty: {
    title: 'No tickets yet',
    sentence: 'What you book is shown here, with its ticket.',
  },
  sections: { upcoming: 'Coming up', past: 'Past and cancelled' },
  standing: {
    pending: 'Waits for your payment',
    confirmed: 'Booked',
    shown: 'Shown',
    expired: 'Not paid in time',
    cancelled: 'Cancelled',
    refunded: 'Cancelled, money returned',
    houseCancelled: 'The cinema cancelled the showtime',
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
    wheelchair: 'wheelchair place',
    companion: 'companion',
    love: 'love seat',
  },
  seat: (row: string, number: number) => `Row ${row}, seat ${number}`,
  seatCount: (count: number) => (count === 1 ? '1 seat' : `${count} seats`),
  finishPaying: 'Finish paying',
  ticket: {
    confirmed: 'Your seats are booked',
    door: 'Show this code, or tell the reference, at the door. We also sent it to you by mail.',
    late: 'Your payment came after your time was over. Your seats were still free, so they are yours.',
    qr: (reference: string) => `The ticket of booking ${reference} as a QR code`,
    failed: 'The code could not be loaded. The reference is enough at the door.',
    calendar: 'Add to calendar',
    print: 'Print',
    sendAgain: 'Send it again',
    sent: (address: string) => `The ticket is on its way to ${address}.`,
    sentTooOften: 'The ticket was sent three times today. Please look among the unwanted mail, too.',
  },
  cancel: {
    open: 'Cancel this booking',
    until: (time: string) => `You can cancel until ${time} and get all of your money back.`,
    over: (time: string) => `You could cancel until ${time}. Now the seats stay yours.`,
    anyTime: 'You can cancel at any time and get all of your money back.',
    title: 'Cancel this booking?',
    gives: (amount: string) =>
      `Your seats go back, and ${amount} returns to the card or account that you paid with.`,
    keep: 'Keep the seats',
    confirm: (amount: string) => `Cancel and get ${amount} back`,
    done: 'The booking is cancelled.',
  },
  ended: {
    expired: 'This booking was not paid in time, so its seats are free again.',
    cancelled: 'This booking is cancelled.',
    refunded: 'This booking is cancelled, and your money is back.',
  },
  toSeats: 'Choose seats for this showtime',
  refunds: 'Your money back',
  refund: {
    queued: (amount: string) =>
      `${amount} goes back to the card or account that you paid with. We are handing it to the bank.`,
    pending: (amount: string) => `${amount} is on its way. Your bank has yet to take it.`,
    succeeded: (amount: string, day: string) =>
      `${amount} was sent to your bank on ${day}. Banks take up to ten days to show it.`,
    failed: (amount: string) =>
      `Your bank did not take the ${amount}. We try again every hour until it does; you need not do anything.`,
    failedForGood: (amount: string) =>
      `Your bank did not take the ${amount} that the cinema sent back. The cinema has been told.`,
    void: (amount: string) => `${amount} had gone back to you already.`,
  },
  refundReason: {
    cancelled_by_customer: 'You cancelled this booking.',
    seats_gone:
      'Your payment arrived after your seats were no longer held, and somebody else had taken them. We never swap seats, so nothing was booked.',
    showtime_closed: 'Your payment arrived when this showtime was no longer sold, so nothing was booked.',
    showtime_cancelled: 'The cinema has cancelled this showtime. We are sorry.',
    too_many_seats:
      'Your payment arrived after your seats were no longer held, and you had taken others meanwhile; together they are more than one person may have.',
    booking_cancelled: 'Your payment arrived after the booking had been cancelled.',
    second_payment: 'This booking was paid twice. The first payment keeps your seats; the second goes back.',
    amount_differs: 'The amount that arrived was not the price of the booking.',
    made_at_stripe: 'The cinema has returned your money.',
  },
  dispute: {
    title: 'Your bank disputes this payment',
    open: (amount: string) => `Your bank has taken ${amount} back until it is settled who is right.`,
    won: (amount: string) => `It is settled: the ${amount} stay with the cinema.`,
    lost: (amount: string) => `It is settled: the ${amount} are with you.`,
    closed: 'It is settled.',
  },
};
