import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useSearchParams } from 'react-router';

import { readFilters, withFilters, type Filters } from './film-filters';

export type ChangeFilters = (change: Partial<Filters>) => void;

/** What the viewer looks for, kept in the address alone. */
export function useFilmFilters() {
  const [query, setQuery] = useSearchParams();
  // What was written last: on a slow device a second change comes before the first has been drawn, and must keep it.
  const written = useRef(query);
  useEffect(() => {
    written.current = query;
  }, [query]);
  const filters = useMemo(() => readFilters(query), [query]);
  const change: ChangeFilters = useCallback(
    (changed) => {
      written.current = withFilters(written.current, changed);
      setQuery(written.current, { replace: true, preventScrollReset: true });
    },
    [setQuery],
  );
  const addressWith = useCallback(
    (changed: Partial<Filters>) => `?${withFilters(query, changed).toString()}`,
    [query],
  );
  return { filters, change, addressWith };
}
