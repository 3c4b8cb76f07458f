import { lengthOf, LONGEST, oneForm, SHORTEST } from './password';

export type Strength = 'short' | 'long' | 'common' | 'weak' | 'fair' | 'strong';

/** So many characters that nobody could foresee make a password fair, and strong. */
const FAIR = 8;
const STRONG = 14;

const KEYBOARD_ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'azertyuiop'];

/**
 * How hard a new password is to guess, as a hint. What is foreseeable does not count: repetitions, runs (abc, 321,
 * qwerty), the beginnings of common passwords, and what is known of the person. `common` is undefined until the list is
 * there.
 */
export function strengthOf(
  typed: string,
  common: ReadonlySet<string> | undefined,
  known: readonly string[],
): Strength {
  if (lengthOf(typed) < SHORTEST) return 'short';
  if (lengthOf(typed) > LONGEST) return 'long';
  const password = oneForm(typed).toLowerCase();
  if (common?.has(password)) return 'common';
  const characters = Array.from(withoutStem(withoutKnown(password, known), common));
  const surprises = characters.filter((_, at) => !isForeseeable(characters, at)).length;
  // Of ten digits guessers try all, which takes them no longer than five letters do.
  const score = /^\d*$/.test(password) ? surprises / 2 : surprises;
  return score < FAIR ? 'weak' : score < STRONG ? 'fair' : 'strong';
}

/** Leaves one character of each name, so that a password which is nothing else is not empty. */
function withoutKnown(password: string, known: readonly string[]): string {
  const words = known.flatMap((each) =>
    oneForm(each)
      .toLowerCase()
      .split(/[\s@.]+/),
  );
  return words
    .filter((word) => word.length > 2)
    .reduce((left, word) => left.replaceAll(word, word.slice(0, 1)), password);
}

/** password2026! begins as password123 does, which is on the list. */
function withoutStem(password: string, common: ReadonlySet<string> | undefined): string {
  const stem = /^[a-z]{4,}/.exec(password)?.[0];
  if (stem === undefined || !common) return password;
  const isCommon = Array.from(common).some((each) => each.startsWith(stem));
  return isCommon ? password.slice(stem.length - 1) : password;
}

function isForeseeable(characters: readonly string[], at: number): boolean {
  const [before, here] = [characters[at - 1], characters[at]];
  if (before === undefined || here === undefined) return false;
  return (
    goesOn(before, here) ||
    characters
      .slice(0, at)
      .join('')
      .includes(before + here)
  );
}

/** Whether it is the same again, or the neighbor in the alphabet, among the digits or on a keyboard. */
function goesOn(before: string, here: string): boolean {
  if (before === here) return true;
  if (/^[a-z]{2}$|^\d{2}$/.test(before + here)) {
    if (Math.abs(before.charCodeAt(0) - here.charCodeAt(0)) === 1) return true;
  }
  return KEYBOARD_ROWS.some((row) => row.includes(before + here) || row.includes(here + before));
}
