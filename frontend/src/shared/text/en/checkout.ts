import { some } from './plural';

export const checkout = {
  title: 'Checkout',
  summary: 'Your order',
  timeLeft: 'Time left to pay',
  left: (minutes: number, seconds: number) =>
    `You have ${minutes > 0 ? some(minutes, 'minute', 'minutes') : some(seconds, 'second', 'seconds')} left to pay.`,
  pay: (amount: string) => `Pay ${amount}`,
  paying: 'Paying …',
  release: {
    open: 'Release these seats',
    title: 'Release these seats?',
    sentence: 'Others can book them straight away, and this booking ends. You have not been charged.',
    confirm: 'Yes, release them',
    keep: 'Keep my seats',
  },
  hasOthers: 'You already hold seats for this showtime with this account.',
  toSeats: 'Choose seats again',
  toBookings: 'My tickets',
  declinedTitle: 'Payment declined',
  declinedNext: 'You have not been charged. Your seats are held until the timer runs out.',
  unclear:
    'We could not confirm whether the payment went through. If it did, your ticket will open automatically. If this form stays, try again: you will not be charged twice.',
  unfinished: 'Your bank has not confirmed the last attempt. Please pay again.',
  loadFailed: 'The payment form could not be loaded. Please check your connection and try again.',
  views: {
    booking: {
      title: 'Payment received. Booking your seats …',
      sentence: 'This takes a moment. Your ticket will open automatically.',
      slow: 'This is taking longer than usual. You can close this page: your payment is safe, and we will email your ticket.',
    },
    processing: {
      title: 'Your bank is still processing the payment',
      sentence: 'It has not confirmed the payment yet. You can close this page: we will email your ticket.',
    },
    late: {
      title: 'Your payment arrived after your hold had expired',
      sentence:
        'If your seats are still available, they are yours. If not, you will be refunded in full automatically. We are checking now.',
    },
    lateReleased: {
      title: 'Your payment arrived after you released the seats',
      sentence: 'You will be refunded in full automatically.',
    },
    returned: {
      title: 'Nothing was booked, and you will be refunded',
    },
    timeOver: {
      title: 'Time’s up',
      sentence:
        'You have not been charged, and the seats were released. If they are still available, you can choose them again.',
      moneyMayCome:
        'If your bank takes the payment after all, you get the seats if they are still available, or a full refund.',
    },
    released: {
      title: 'You released the seats',
      sentence: 'You have not been charged.',
    },
  },
  declines: {
    card_declined: 'Your bank declined the card. Please try another one.',
    generic_decline: 'Your bank declined the card. Please try another one.',
    insufficient_funds: 'This card has insufficient funds. Please try another one.',
    expired_card: 'This card has expired. Please try another one.',
    incorrect_cvc: 'The security code is incorrect. Please check your card and try again.',
    incorrect_number: 'The card number is incorrect. Please check your card and try again.',
    processing_error: 'Your bank could not process the card just now. Please try again or use another card.',
    payment_intent_authentication_failure:
      'Your bank could not confirm your identity. Please try again or use another card.',
  },
  payment: 'Payment',
};
