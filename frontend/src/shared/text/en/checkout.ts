export const checkout = {
  title: 'Checkout',
  summary: 'What you are booking',
  timeLeft: 'Time left to pay',
  left: (minutes: number, seconds: number) =>
    minutes > 0
      ? `You have ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'} to pay.`
      : `You have ${seconds} more seconds to pay.`,
  pay: (amount: string) => `Pay ${amount}`,
  paying: 'Paying …',
  giveBack: {
    open: 'Give the seats back',
    title: 'Give the seats back?',
    sentence: 'They are free for others at once, and this booking ends. You have not been charged.',
    confirm: 'Yes, give them back',
    keep: 'Keep the seats',
  },
  toSeats: 'Choose seats again',
  toBookings: 'My tickets',
  declinedTitle: 'That payment did not go through',
  declinedNext: 'You have not been charged. Your seats stay yours until the time is over.',
  unclear:
    'We could not hear whether the payment went through. If it did, your ticket opens by itself; if this form stays, try again: nothing is charged twice.',
  unfinished: 'Your bank has not confirmed the last attempt. Please pay again.',
  loadFailed: 'The card form could not be loaded. Please check your connection and try again.',
  views: {
    booking: {
      title: 'Your payment went through; we are booking your seats',
      sentence: 'This takes a moment. Your ticket opens by itself.',
      slow: 'It takes longer than usual. You need not wait here: your money is safe, and the ticket also comes by mail.',
    },
    processing: {
      title: 'Your bank is still at work',
      sentence:
        'It has not said yet whether the money comes. You need not wait here: the ticket also comes by mail.',
    },
    late: {
      title: 'Your payment went through after your time was over',
      sentence:
        'If your seats are still free, they are yours. If not, all of your money goes back by itself. We are looking now.',
    },
    lateGivenUp: {
      title: 'Your payment went through after you gave the seats back',
      sentence: 'All of your money goes back by itself.',
    },
    returned: {
      title: 'Nothing was booked, and your money goes back',
    },
    timeOver: {
      title: 'Your time to pay is over',
      sentence:
        'You have not been charged, and the seats are free again. If they still are, you can take them once more.',
      moneyMayCome:
        'If your bank takes the money after all, you get the seats if they are free, or the money back.',
    },
    givenUp: {
      title: 'You gave the seats back',
      sentence: 'You have not been charged.',
    },
  },
  declines: {
    card_declined: 'Your bank declined the card. Please try another one.',
    generic_decline: 'Your bank declined the card. Please try another one.',
    insufficient_funds: 'There is not enough money on this card. Please try another one.',
    expired_card: 'This card has expired. Please try another one.',
    incorrect_cvc: 'The security code is wrong. Please look at the card and try again.',
    incorrect_number: 'The card number is wrong. Please look at the card and try again.',
    processing_error: 'The bank could not handle the card just now. Please try again, or with another card.',
    payment_intent_authentication_failure:
      'Your bank did not confirm that it is you. Please try again, or with another card.',
  },
  card: {
    legend: 'Pay by card',
    standIn: 'Nothing is charged: payments go to a stand-in for Stripe on this machine. Test cards:',
    fields: {
      number: 'Card number',
      numberWrong: 'Please give the number on the card.',
      expiry: 'Good until',
      expiryHint: 'MM/YY',
      expiryWrong: 'Please give month and year, as 04/29.',
      expired: 'This card has expired.',
      cvc: 'Security code',
      cvcHint: '3 or 4 digits',
      cvcWrong: 'Please give the 3 or 4 digits.',
    },
    testCards: {
      succeeds: 'Succeeds',
      declined: 'Declined',
      insufficientFunds: 'Insufficient funds',
      threeDSecure: '3-D Secure',
    },
  },
};
