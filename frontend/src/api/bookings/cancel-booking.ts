import { useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { mutate } from '../data';
import { notifyOtherTabs } from '../cross-tab';
import { supabase } from '../supabase';
import { allBookings } from './booking';

const schema = z.object({ id: z.string(), showtime_id: z.number() });

const cancelBooking = (id: string) =>
  mutate(schema, () => supabase.rpc('cancel_booking', { booking_id: id }));

/** Release a pending booking's seats, or cancel a confirmed one for a refund. */
export function useCancelBooking() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: cancelBooking,
    onSuccess: ({ showtime_id }) => notifyOtherTabs(showtime_id),
    // After a refusal, too: the booking is not what the page believed.
    onSettled: () => queryClient.invalidateQueries(allBookings),
  });
}
