import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

import { readFilters, withFilters, type Filters } from './film-filters';

export type ChangeFilters = (change: Partial<Filters>) => void;

/** What the viewer looks for, kept in the address alone. */
export function useFilmFilters() {
  const [query, setQuery] = useSearchParams();
  const filters = useMemo(() => readFilters(query), [query]);
  const change: ChangeFilters = useCallback(
    (changed) =>
      setQuery((before) => withFilters(before, changed), { replace: true, preventScrollReset: true }),
    [setQuery],
  );
  const addressWith = useCallback(
    (changed: Partial<Filters>) => `?${withFilters(query, changed).toString()}`,
    [query],
  );
  return { filters, change, addressWith };
}
