import { answerOfChange } from '@/api/data';
import { tellOwnChange } from '@/api/own-changes';
import { supabase } from '@/api/supabase';

import type { Selection } from '../model/seats';
import { selectionSchema } from './selection';

/** Give seats back. Raises ApiError. */
export async function releaseSeats(showtimeId: number, seatIds: readonly number[]): Promise<Selection> {
  const selection = await answerOfChange(selectionSchema, () =>
    supabase.rpc('release_seats', { showtime_id: showtimeId, seat_ids: [...seatIds] }),
  );
  tellOwnChange(showtimeId);
  return selection;
}
