import { text } from '@/shared/text';

const { testCards } = text.checkout.card;

/** Stripe's well-known numbers, which the stand-in on this machine knows, too. */
export const TEST_CARDS = [
  { name: testCards.succeeds, number: '4242 4242 4242 4242' },
  { name: testCards.declined, number: '4000 0000 0000 0002' },
  { name: testCards.insufficientFunds, number: '4000 0000 0000 9995' },
  { name: testCards.threeDSecure, number: '4000 0027 6000 3184' },
] as const;
