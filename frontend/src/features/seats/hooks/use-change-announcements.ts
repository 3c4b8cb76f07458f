import { useEffect, useRef } from 'react';

import { announce } from '@/shared/lib/announce';
import { text } from '@/shared/text';

import { changesBetween, createChangeAnnouncer } from '../model/seat-changes';
import type { SeatState } from '../model/seat';

type States = ReadonlyMap<number, SeatState>;

/** Announce now and then how many seats others took and released. */
export function useChangeAnnouncements(states: States): void {
  const before = useRef<States>(states);
  const announcer = useRef<ReturnType<typeof createChangeAnnouncer>>(undefined);

  useEffect(() => {
    const own = createChangeAnnouncer(({ taken, freed }) => announce(text.seats.said.changes(taken, freed)));
    announcer.current = own;
    return () => own.stop();
  }, []);

  useEffect(() => {
    announcer.current?.add(changesBetween(before.current, states));
    before.current = states;
  }, [states]);
}
