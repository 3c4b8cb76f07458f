import { retrieveIntent } from '@payment-form';
import { useQuery, useQueryClient } from '@tanstack/react-query';

import type { Booking } from '@/api/bookings';

import { createIntent } from './create-intent';
import { intentOf, type Intent } from './payment-intent';

const keyOf = (bookingId: string) => ['intent', bookingId];

/** What Stripe's own address brings back after a bank's page, and what the page keeps after a success. */
export const SECRET_PARAMETER = 'payment_intent_client_secret';

/**
 * The booking's intent and how it stands at Stripe. `secret` comes from the address and counts if it belongs to a
 * payment of this booking; a booking that can be paid is given its intent otherwise.
 */
export function useIntent(booking: Booking | undefined, payable: boolean, secret: string | null) {
  const known =
    secret !== null && booking?.payments.some((payment) => payment.payment_intent_id === intentOf(secret))
      ? secret
      : undefined;
  const id = booking?.id ?? '';
  return useQuery({
    queryKey: keyOf(id),
    queryFn: async () => {
      const clientSecret = known ?? (await createIntent(id)).client_secret;
      const intent = await retrieveIntent(clientSecret);
      // A canceled intent cannot be paid any more; Flask makes another one.
      if (intent.status !== 'canceled' || !payable) return intent;
      return retrieveIntent((await createIntent(id)).client_secret);
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
    setIntent: (intent: Intent) => queryClient.setQueryData(keyOf(bookingId), intent),
    refetchIntent: () => queryClient.invalidateQueries({ queryKey: keyOf(bookingId) }),
  };
}
