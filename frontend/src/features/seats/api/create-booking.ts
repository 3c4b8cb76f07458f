import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { mutate } from '@/api/data';
import { notifyOtherTabs } from '@/api/cross-tab';
import { supabase } from '@/api/supabase';

const bookingSchema = z.object({ id: z.string() });

const createBooking = (showtimeId: number) =>
  mutate(bookingSchema, () => supabase.rpc('create_booking', { showtime_id: showtimeId }));

/** Turn what the viewer holds into a booking that waits for its payment. */
export function useCreateBooking(showtimeId: number) {
  return useMutation({
    mutationFn: () => createBooking(showtimeId),
    onSuccess: () => notifyOtherTabs(showtimeId),
  });
}
