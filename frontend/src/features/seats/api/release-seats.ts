import { mutate } from '@/api/data';
import { notifyOtherTabs } from '@/api/cross-tab';
import { supabase } from '@/api/supabase';

import type { Selection } from '../model/seats';
import { selectionSchema } from './selection';

/** Release seats. Raises ApiError. */
export async function releaseSeats(showtimeId: number, seatIds: readonly number[]): Promise<Selection> {
  const selection = await mutate(selectionSchema, () =>
    supabase.rpc('release_seats', { showtime_id: showtimeId, seat_ids: [...seatIds] }),
  );
  notifyOtherTabs(showtimeId);
  return selection;
}
