import { queryOptions } from '@tanstack/react-query';

import { answer } from '@/api/data';
import { supabase } from '@/api/supabase';
import { serverNow } from '@/shared/lib/clock';

async function readPendingBooking(showtimeId: number): Promise<string | null> {
  const booking = await answer(
    supabase
      .from('bookings')
      .select('id')
      .eq('showtime_id', showtimeId)
      .eq('status', 'pending')
      .gt('expires_at', new Date(serverNow()).toISOString())
      .maybeSingle(),
  );
  return booking?.id ?? null;
}

/** The id of the viewer's booking that waits for its payment, or null. */
export const pendingBookingQuery = (showtimeId: number, signedIn: boolean) =>
  queryOptions({
    queryKey: ['pending-booking', showtimeId],
    queryFn: () => readPendingBooking(showtimeId),
    enabled: signedIn,
    staleTime: 0,
    refetchOnWindowFocus: 'always',
  });
