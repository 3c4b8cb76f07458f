import type { Stripe } from '@stripe/stripe-js';

import { env } from '@/config/env';

import type { Decline } from '../lib/decline';
import { retrieveFromStandIn } from './stand-in';

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

let stripe: Promise<Stripe | null> | undefined;

/** Stripe.js, fetched from Stripe when the first checkout is opened. */
export function loadStripe(): Promise<Stripe | null> {
  stripe ??= import('@stripe/stripe-js/pure').then(({ loadStripe: load }) =>
    load(env.VITE_STRIPE_PUBLISHABLE_KEY),
  );
  stripe.catch(() => (stripe = undefined));
  return stripe;
}

/** How an intent stands, asked of Stripe itself. */
export async function retrieveIntent(clientSecret: string): Promise<Intent> {
  if (env.VITE_STRIPE_API_BASE) return retrieveFromStandIn(env.VITE_STRIPE_API_BASE, clientSecret);
  const loaded = await loadStripe();
  const answered = await loaded?.retrievePaymentIntent(clientSecret);
  if (!answered?.paymentIntent) throw new Error(answered?.error.message);
  const { id, status, last_payment_error: failure } = answered.paymentIntent;
  return { id, clientSecret, status, failure: failure ?? undefined };
}

/** pi_1_secret_x belongs to pi_1. */
export const intentOf = (clientSecret: string) => clientSecret.split('_secret_')[0];
