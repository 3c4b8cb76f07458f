export const text = {
  notice: 'Nothing is charged: payments go to a local stand-in for Stripe. Test cards:',
  fields: {
    number: 'Card number',
    numberWrong: 'Enter the card number.',
    expiry: 'Expiry date',
    expiryHint: 'MM/YY',
    expiryWrong: 'Enter month and year, for example 04/29.',
    expired: 'This card has expired.',
    cvc: 'Security code',
    cvcHint: '3 or 4 digits',
    cvcWrong: 'Enter the 3 or 4 digits.',
  },
  testCards: {
    succeeds: 'Succeeds',
    declined: 'Declined',
    insufficientFunds: 'Insufficient funds',
    threeDSecure: '3-D Secure',
  },
};
