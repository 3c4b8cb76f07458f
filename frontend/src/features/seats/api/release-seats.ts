import { answerOfChange } from '@/api/data';
import { supabase } from '@/api/supabase';

import type { Selection } from '../model/seats';
import { selectionSchema } from './selection';

/** Give seats back. Raises ApiError. */
export function releaseSeats(showtimeId: number, seatIds: readonly number[]): Promise<Selection> {
  return answerOfChange(selectionSchema, () =>
    supabase.rpc('release_seats', { showtime_id: showtimeId, seat_ids: [...seatIds] }),
  );
}
