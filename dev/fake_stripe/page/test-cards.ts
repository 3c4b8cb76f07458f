import { text } from './text';

/** Stripe's well-known numbers, which the stand-in knows, too. */
export const TEST_CARDS = [
  { name: text.testCards.succeeds, number: '4242 4242 4242 4242' },
  { name: text.testCards.declined, number: '4000 0000 0000 0002' },
  { name: text.testCards.insufficientFunds, number: '4000 0000 0000 9995' },
  { name: text.testCards.threeDSecure, number: '4000 0027 6000 3184' },
] as const;
