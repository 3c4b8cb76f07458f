import { mutate } from '@/api/data';
import { notifyOtherTabs } from '@/api/cross-tab';
import { supabase } from '@/api/supabase';

import type { Selection } from '../model/seats';
import { selectionSchema } from './selection';

/** Hold seats: all of them or none. Raises ApiError, seat_taken with the seats. */
export async function lockSeats(showtimeId: number, seatIds: readonly number[]): Promise<Selection> {
  const selection = await mutate(selectionSchema, () =>
    supabase.rpc('lock_seats', { showtime_id: showtimeId, seat_ids: [...seatIds] }),
  );
  notifyOtherTabs(showtimeId);
  return selection;
}
