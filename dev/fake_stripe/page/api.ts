import { ApiError } from '@/api/errors';
import { env } from '@/config/env';
import { intentOf, type Intent, type IntentStatus } from '@/features/checkout/api/payment-intent';
import { DeclinedError, type Decline } from '@/features/checkout/lib/decline';

import type { Card } from './card';

const TIMEOUT_MILLISECONDS = 20_000;

/** What the stand-in answers: its own code, so not looked at more closely. */
interface Answer {
  id: string;
  client_secret: string;
  status: IntentStatus;
  last_payment_error?: Decline | null;
  next_action?: { redirect_to_url?: { url: string } } | null;
  error?: Decline;
}

interface Confirmed {
  intent: Intent;
  /** The bank's page, which the customer must see first. */
  redirect?: string | undefined;
}

/** What Stripe.js does for a card of a form. Raises DeclinedError, ApiError. */
export async function confirm(
  base: string,
  clientSecret: string,
  card: Card,
  returnUrl: string,
): Promise<Confirmed> {
  const details: Record<string, string> = {
    client_secret: clientSecret,
    return_url: returnUrl,
    'payment_method_data[type]': 'card',
    'payment_method_data[card][number]': card.number,
    'payment_method_data[card][exp_month]': String(card.expiry.month),
    'payment_method_data[card][exp_year]': String(card.expiry.year),
    'payment_method_data[card][cvc]': card.cvc,
  };
  const answer = await ask(`${addressOf(base, clientSecret)}/confirm`, {
    method: 'POST',
    body: new URLSearchParams(details),
  });
  const url = answer.next_action?.redirect_to_url?.url;
  // A bank's page elsewhere is none of the stand-in's.
  const redirect = url !== undefined && new URL(url).origin === new URL(base).origin ? url : undefined;
  return { intent: toIntent(answer), redirect };
}

export async function retrieveIntent(base: string, clientSecret: string): Promise<Intent> {
  const query = new URLSearchParams({ client_secret: clientSecret });
  return toIntent(await ask(`${addressOf(base, clientSecret)}?${query}`, {}));
}

const addressOf = (base: string, clientSecret: string) =>
  `${base}/v1/payment_intents/${encodeURIComponent(intentOf(clientSecret))}`;

async function ask(address: string, request: RequestInit): Promise<Answer> {
  let response: Response;
  let answer: Answer;
  try {
    response = await fetch(address, {
      ...request,
      headers: { Authorization: `Bearer ${env.VITE_STRIPE_PUBLISHABLE_KEY}` },
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    answer = (await response.json()) as Answer;
  } catch {
    throw new ApiError('offline');
  }
  if (response.status >= 500 || response.status === 429) throw new ApiError('payment_unavailable');
  if (answer.error) throw new DeclinedError(answer.error);
  return answer;
}

function toIntent({ id, client_secret, status, last_payment_error }: Answer): Intent {
  return { id, clientSecret: client_secret, status, failure: last_payment_error ?? undefined };
}
