import type { Theater } from '../api/theaters';

/** The theaters of a place, which is a theater's slug or a city; all of them where there is no such place. */
export function theatersAt(theaters: readonly Theater[], at: string | undefined): readonly Theater[] {
  const there = theaters.filter(({ slug, city }) => slug === at || city === at);
  return there.length > 0 ? there : theaters;
}
