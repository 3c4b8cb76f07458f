import { z } from 'zod';

import { postSignedIn } from '@/api/flask';

const schema = z.object({
  payment_intent_id: z.string(),
  client_secret: z.string(),
  amount: z.number(),
  currency: z.string(),
  expires_at: z.string(),
});

/** The means to pay for a booking; the same ones when asked again. */
export const createIntent = (bookingId: string) =>
  postSignedIn('/api/payments/create-intent', schema, { booking_id: bookingId });
