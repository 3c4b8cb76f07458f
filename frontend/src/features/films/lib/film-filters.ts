import type { Database } from '@/api/database.types';

export type Certificate = Database['public']['Enums']['certificate'];

export const CERTIFICATES: readonly Certificate[] = ['U', 'PG', '12', '15', '18'];
export const LENGTHS = ['short', 'feature', 'long'] as const;

export type Length = (typeof LENGTHS)[number];

/** What the viewer looks for, as it stands in the address: ?day=2026-12-02&at=lantern-london&genre=horror. */
export interface Filters {
  day: string | undefined;
  /** A theater's slug, or a city. */
  at: string | undefined;
  /** Words of a title or of a director's name. */
  q: string | undefined;
  genre: string | undefined;
  language: string | undefined;
  /** The strictest certificate that will do. */
  certificate: Certificate | undefined;
  length: Length | undefined;
}

/** Those besides day and place, which are no filters but where one is. */
export const FILTERS = ['q', 'genre', 'language', 'certificate', 'length'] as const;

export function readFilters(query: URLSearchParams): Filters {
  const given = (name: keyof Filters) => {
    const value = query.get(name)?.trim();
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

interface Facts {
  title: string;
  original_title: string | null;
  directors: string[];
  genres: string[];
  language: string;
  certificate: Certificate;
  length_minutes: number;
}

/** Match a film against all filters but day and place. */
export function matches(film: Facts, { q, genre, language, certificate, length }: Filters): boolean {
  return (
    (genre === undefined || film.genres.includes(genre)) &&
    (language === undefined || film.language === language) &&
    (certificate === undefined || rank(film.certificate) <= rank(certificate)) &&
    (length === undefined || lengthOf(film.length_minutes) === length) &&
    (q === undefined || matchesText(film, q))
  );
}

/** 45 minutes are where prices change. */
export function lengthOf(minutes: number): Length {
  if (minutes <= 45) return 'short';
  return minutes <= 120 ? 'feature' : 'long';
}

const rank = (certificate: Certificate) => CERTIFICATES.indexOf(certificate);

/** Every word that is looked for begins or stands in a word of the film: "melies moon", "hitchhiker". */
function matchesText(film: Facts, q: string): boolean {
  const said = [film.title, film.original_title ?? '', ...film.directors].map(normalize);
  const words = normalize(q).split(' ').filter(Boolean);
  return words.every((word) =>
    said.some((text) => text.includes(word) || text.replaceAll(' ', '').includes(word)),
  );
}

/** Without accents, signs and capitals: Méliès is melies, Hitch-Hiker is hitch hiker, Gulliver’s is gullivers. */
function normalize(text: string): string {
  return text
    .normalize('NFD')
    .replace(/[\p{M}'’]/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
