import type { SeatState } from './seat';

/** How many seats others took and released. */
export interface Changes {
  taken: number;
  freed: number;
}

type States = ReadonlyMap<number, SeatState>;

const isOthers = (state: SeatState | undefined) => state === 'held' || state === 'booked';

/** What others did between two looks at the seats; nothing when one of them shows no seats yet. */
export function changesBetween(before: States, after: States): Changes {
  const changes = { taken: 0, freed: 0 };
  for (const [id, state] of after) {
    const was = before.get(id);
    if (was === 'free' && isOthers(state)) changes.taken += 1;
    if (isOthers(was) && state === 'free') changes.freed += 1;
  }
  return changes;
}

/** So long is collected before anything is said, and at least so long is silence between two sentences. */
export const GATHER = 4_000;

/** Announce what others did now and then, however much they do. */
export function createChangeAnnouncer(announce: (changes: Changes) => void) {
  let gathered: Changes = { taken: 0, freed: 0 };
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    add({ taken, freed }: Changes): void {
      if (taken === 0 && freed === 0) return;
      gathered = { taken: gathered.taken + taken, freed: gathered.freed + freed };
      timer ??= setTimeout(() => {
        timer = undefined;
        const changes = gathered;
        gathered = { taken: 0, freed: 0 };
        announce(changes);
      }, GATHER);
    },
    stop(): void {
      clearTimeout(timer);
      timer = undefined;
      gathered = { taken: 0, freed: 0 };
    },
  };
}
