import { z } from 'zod';

import { ApiError } from '@/api/errors';
import { env } from '@/config/env';

import type { Card } from '../lib/card';
import type { Decline } from '../lib/decline';
import { intentOf, type Intent } from './stripe';

const TIMEOUT_MILLISECONDS = 20_000;

const failureSchema = z.object({
  code: z.string().optional(),
  decline_code: z.string().nullish(),
  message: z.string().optional(),
});

const intentSchema = z.object({
  id: z.string(),
  client_secret: z.string(),
  status: z.enum([
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'requires_capture',
    'processing',
    'succeeded',
    'canceled',
  ]),
  last_payment_error: failureSchema.nullish(),
  next_action: z.object({ redirect_to_url: z.object({ url: z.string() }).optional() }).nullish(),
});

const refusalSchema = z.object({ error: failureSchema });

/** A payment that the bank declined, or that Stripe would not try. */
export class DeclinedError extends Error {
  override readonly name = 'DeclinedError';
  readonly decline: Decline;

  constructor(decline: Decline) {
    super(decline.code);
    this.decline = decline;
  }
}

interface Confirmed {
  intent: Intent;
  /** The bank's page, which the customer must see first. */
  redirect?: string | undefined;
}

/** What Stripe.js does for a card of a form, said to the stand-in. Raises DeclinedError, ApiError. */
export async function confirmAtStandIn(
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
  const answered = await ask(`${addressOf(base, clientSecret)}/confirm`, {
    method: 'POST',
    body: new URLSearchParams(details),
  });
  const url = answered.next_action?.redirect_to_url?.url;
  // A bank's page elsewhere is none of the stand-in's.
  const redirect = url !== undefined && new URL(url).origin === new URL(base).origin ? url : undefined;
  return { intent: toIntent(answered), redirect };
}

export async function retrieveFromStandIn(base: string, clientSecret: string): Promise<Intent> {
  const query = new URLSearchParams({ client_secret: clientSecret });
  return toIntent(await ask(`${addressOf(base, clientSecret)}?${query}`, {}));
}

const addressOf = (base: string, clientSecret: string) =>
  `${base}/v1/payment_intents/${encodeURIComponent(intentOf(clientSecret) ?? '')}`;

async function ask(address: string, request: RequestInit) {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(address, {
      ...request,
      headers: { Authorization: `Bearer ${env.VITE_STRIPE_PUBLISHABLE_KEY}` },
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    body = await response.json();
  } catch {
    throw new ApiError('offline');
  }
  const refusal = refusalSchema.safeParse(body);
  if (response.status >= 500 || response.status === 429) throw new ApiError('payment_unavailable');
  if (refusal.success) throw new DeclinedError(refusal.data.error);
  const read = intentSchema.safeParse(body);
  if (!read.success) throw new ApiError('unexpected');
  return read.data;
}

function toIntent(answered: z.output<typeof intentSchema>): Intent {
  return {
    id: answered.id,
    clientSecret: answered.client_secret,
    status: answered.status,
    failure: answered.last_payment_error ?? undefined,
  };
}
