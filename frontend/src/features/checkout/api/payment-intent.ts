import type { Decline } from '../lib/decline';

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'requires_capture'
  | 'processing'
  | 'succeeded'
  | 'canceled';

/** A PaymentIntent as its customer may know it. */
export interface Intent {
  id: string;
  clientSecret: string;
  status: IntentStatus;
  /** Why the latest attempt failed. */
  failure?: Decline | undefined;
}

/** pi_1_secret_x belongs to pi_1. */
export const intentOf = (clientSecret: string) => clientSecret.split('_secret_')[0] ?? '';
