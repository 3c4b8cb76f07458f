import { intentOf } from '../api/payment-intent';

/** What Stripe adds to the address that a bank's page leads back to. */
const SECRET = 'payment_intent_client_secret';
const OF_STRIPE = ['payment_intent', SECRET, 'redirect_status'];

const CLIENT_SECRET = /^pi_\w+_secret_\w+$/;
const key = (intentId: string) => `frontrow.payment.${intentId}`;

/**
 * Keep the secret of a payment in this tab: a reload knows by it that money was paid even when the time is over. Not in
 * the address, which people copy, histories keep, and a sign-in repeats in its own.
 */
export function keepSecret(clientSecret: string): void {
  try {
    sessionStorage.setItem(key(intentOf(clientSecret)), clientSecret);
  } catch {
    // Storage is forbidden here: after a reload the booking alone says what became of the money.
  }
}

/** The kept secret of the first of these payments that has one. */
export function keptSecret(intentIds: readonly (string | null)[]): string | undefined {
  try {
    for (const id of intentIds) {
      const secret = id === null ? null : sessionStorage.getItem(key(id));
      if (secret !== null) return secret;
    }
  } catch {
    // As above.
  }
  return undefined;
}

/** Take what Stripe has added out of the address, and keep the secret. Before anything else reads the address. */
export function takeSecretFromAddress(): void {
  const url = new URL(location.href);
  const secret = url.searchParams.get(SECRET);
  if (secret === null) return;
  if (CLIENT_SECRET.test(secret)) keepSecret(secret);
  for (const name of OF_STRIPE) url.searchParams.delete(name);
  history.replaceState(history.state, '', url);
}
