import { retrieveIntent } from '@payment-form';
import { useQuery, useQueryClient } from '@tanstack/react-query';

import { bookingQuery, type Booking } from '@/api/bookings';

import { keepSecret, keptSecret } from '../lib/client-secret';
import { createIntent } from './create-intent';
import type { Intent } from './payment-intent';

const keyOf = (bookingId: string) => ['intent', bookingId];

/**
 * The booking's intent and how it stands at Stripe. It is known if a bank's page has brought the secret of one of the
 * booking's payments back, or one has succeeded here; a booking that can be paid is given its intent otherwise.
 */
export function useIntent(booking: Booking | undefined, payable: boolean) {
  const known = booking && keptSecret(booking.payments.map((payment) => payment.payment_intent_id));
  const id = booking?.id ?? '';
  const queryClient = useQueryClient();
  /** The first call gives more time, so the countdown starts anew. */
  const secretOf = async () => {
    const { client_secret: secret, expires_at: expiresAt } = await createIntent(id);
    queryClient.setQueryData(
      bookingQuery(id).queryKey,
      (before) => before && { ...before, expires_at: expiresAt },
    );
    return secret;
  };
  return useQuery({
    queryKey: keyOf(id),
    queryFn: async () => {
      const clientSecret = known ?? (await secretOf());
      const intent = await retrieveIntent(clientSecret);
      // A canceled intent cannot be paid any more; Flask makes another one.
      if (intent.status !== 'canceled' || !payable) return intent;
      return retrieveIntent(await secretOf());
    },
    enabled: booking !== undefined && (payable || known !== undefined),
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.data?.status === 'processing' ? 5_000 : false),
  });
}

/** Note what a payment came to, or ask Stripe again when nobody knows. */
export function useIntentCache(bookingId: string) {
  const queryClient = useQueryClient();
  return {
    setIntent: (intent: Intent) => {
      keepSecret(intent.clientSecret);
      queryClient.setQueryData(keyOf(bookingId), intent);
    },
    /** As `refetchIntent`, after what kept it from being made. */
    restartIntent: () => queryClient.resetQueries({ queryKey: keyOf(bookingId) }),
    refetchIntent: () => queryClient.invalidateQueries({ queryKey: keyOf(bookingId) }),
  };
}
