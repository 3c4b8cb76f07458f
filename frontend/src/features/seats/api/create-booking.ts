import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { answerOfChange } from '@/api/data';
import { tellOwnChange } from '@/api/own-changes';
import { supabase } from '@/api/supabase';

const bookingSchema = z.object({ id: z.string() });

const createBooking = (showtimeId: number) =>
  answerOfChange(bookingSchema, () => supabase.rpc('create_booking', { showtime_id: showtimeId }));

/** Turn what the viewer holds into a booking that waits for its payment. */
export function useCreateBooking(showtimeId: number) {
  return useMutation({
    mutationFn: () => createBooking(showtimeId),
    onSuccess: () => tellOwnChange(showtimeId),
  });
}
