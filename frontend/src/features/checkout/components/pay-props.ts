import type { Intent } from '../api/payment-intent';

/** The props of a payment form. */
export interface PayProps {
  intent: Intent;
  /** The price, for the button. */
  amount: string;
  onPaying: (paying: boolean) => void;
  /** Stripe said how the payment stands now. */
  onIntent: (intent: Intent) => void;
  /** The outcome is unknown: ask for it. */
  onUnclear: () => void;
}
