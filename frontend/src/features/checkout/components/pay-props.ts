import type { Intent } from '../api/stripe';

/** What both card forms are given. */
export interface PayProps {
  intent: Intent;
  /** The price, for the button. */
  amount: string;
  onPaying: (paying: boolean) => void;
  /** Stripe said how the payment stands now. */
  onIntent: (intent: Intent) => void;
  /** Nobody knows how it stands: ask. */
  onUnclear: () => void;
}
