import type { Stripe } from '@stripe/stripe-js';

import { env } from '@/config/env';

import type { Intent } from './payment-intent';

let stripe: Promise<Stripe | null> | undefined;

/** Stripe.js, fetched from Stripe when the first checkout is opened; anew after a failure. */
export function loadStripe(): Promise<Stripe | null> {
  stripe ??= import('@stripe/stripe-js/pure').then(({ loadStripe: load }) =>
    load(env.VITE_STRIPE_PUBLISHABLE_KEY),
  );
  stripe.catch(() => (stripe = undefined));
  return stripe;
}

/** How an intent stands, asked of Stripe itself. */
export async function retrieveIntent(clientSecret: string): Promise<Intent> {
  const loaded = await loadStripe();
  const answered = await loaded?.retrievePaymentIntent(clientSecret);
  if (!answered?.paymentIntent) throw new Error(answered?.error.message);
  const { id, status, last_payment_error: failure } = answered.paymentIntent;
  return { id, clientSecret, status, failure: failure ?? undefined };
}
