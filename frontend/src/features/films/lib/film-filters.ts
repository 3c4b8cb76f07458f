import type { Database } from '@/api/database.types';

export type Certificate = Database['public']['Enums']['certificate'];

export const CERTIFICATES = ['U', 'PG', '12', '15', '18'] as const satisfies readonly Certificate[];
export const LENGTHS = ['short', 'feature', 'long'] as const;
export const SORTS = ['title', 'soonest'] as const;

export type Length = (typeof LENGTHS)[number];
export type Sort = (typeof SORTS)[number];

/** What the viewer looks for, as it stands in the address: ?day=2026-12-02&at=lantern-london&genre=horror. */
export interface Filters {
  day: string | undefined;
  /** A theater's slug, or a city. */
  at: string | undefined;
  /** Words of a title, a name, a genre or a year. */
  q: string | undefined;
  genre: string | undefined;
  language: string | undefined;
  /** The strictest certificate that will do. */
  certificate: Certificate | undefined;
  length: Length | undefined;
  /** Where nothing is said: how well it fits a search, else the title. */
  sort: Sort | undefined;
}

/** As much as whats_on takes. */
export const LONGEST = 100;

/** Those besides day, place and order. */
export const FILTERS = ['q', 'genre', 'language', 'certificate', 'length'] as const;

export function readFilters(query: URLSearchParams): Filters {
  const given = (name: keyof Filters) => {
    const value = query.get(name)?.trim().slice(0, LONGEST);
    return value === '' ? undefined : value;
  };
  return {
    day: given('day'),
    at: given('at'),
    q: given('q'),
    genre: given('genre'),
    language: given('language'),
    certificate: CERTIFICATES.find((certificate) => certificate === given('certificate')),
    length: LENGTHS.find((length) => length === given('length')),
    sort: SORTS.find((sort) => sort === given('sort')),
  };
}

/** The address with some filters changed, and all else in it as it was. */
export function withFilters(query: URLSearchParams, change: Partial<Filters>): URLSearchParams {
  const changed = new URLSearchParams(query);
  for (const [name, value] of Object.entries(change)) {
    if (value) changed.set(name, value);
    else changed.delete(name);
  }
  return changed;
}
