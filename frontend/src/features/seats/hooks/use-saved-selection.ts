import { useEffect } from 'react';

import { useUser } from '@/api/session';

import { forgetHeld, rememberHeld } from '../model/held-seats';
import { seatName, type Seat } from '../model/seat';

/** Keeps what is held here in mind for the other pages. */
export function useSavedSelection(
  showtimeId: number,
  title: string,
  known: boolean,
  chosen: readonly Seat[],
  expiresAt: number | undefined,
): void {
  const userId = useUser()?.id;
  const names = chosen.map(seatName).join(' ');
  useEffect(() => {
    if (!known || userId === undefined) return;
    if (names === '') forgetHeld(showtimeId);
    else if (expiresAt !== undefined)
      rememberHeld({ showtimeId, userId, title, expiresAt, seats: names.split(' ') });
  }, [expiresAt, known, names, showtimeId, title, userId]);
}
