import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

import { readWishes, withWishes, type Wishes } from './wishes';

export type ChangeWishes = (change: Partial<Wishes>) => void;

/** What the viewer looks for, kept in the address alone. */
export function useWishes() {
  const [query, setQuery] = useSearchParams();
  const wishes = useMemo(() => readWishes(query), [query]);
  const change: ChangeWishes = useCallback(
    (changed) =>
      setQuery((before) => withWishes(before, changed), { replace: true, preventScrollReset: true }),
    [setQuery],
  );
  const addressWith = useCallback(
    (changed: Partial<Wishes>) => `?${withWishes(query, changed).toString()}`,
    [query],
  );
  return { wishes, change, addressWith };
}
