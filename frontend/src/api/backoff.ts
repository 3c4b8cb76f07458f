/**
 * How many milliseconds to wait before a new attempt, after so many failures in a row: anything up to base, twice base,
 * four times base and so on, at the most cap. All of the range and not its upper half: what throws many pages out does so
 * at one moment, and they must not come back at one.
 */
export function fullJitter(failures: number, base: number, cap: number): number {
  return Math.random() * Math.min(cap, base * 2 ** Math.max(0, failures - 1));
}
