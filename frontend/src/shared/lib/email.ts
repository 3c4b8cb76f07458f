/** Beyond ASCII, without signs, without what is invisible, and without private use. */
const LETTERS = [
  ...['\\u00df-\\u00f6', '\\u00f8-\\u034e', '\\u0350-\\u061b', '\\u061d-\\u115e', '\\u1161-\\u167f'],
  ...['\\u1681-\\u17b3', '\\u17b6-\\u180a', '\\u1810-\\u1fff', '\\u2c00-\\u2dff', '\\u3005-\\u3007'],
  ...['\\u3021-\\u3029', '\\u3031-\\u3163', '\\u3165-\\ud7ff', '\\u{20000}-\\u{3fffd}'],
].join('');

function pattern(letters: string): RegExp {
  const word = `[a-z0-9!#$%&'*+\\/=?^_\`\\{\\|\\}~${letters}\\-]+`;
  const [edge, inner] = [`[a-z0-9${letters}]`, `[a-z0-9${letters}\\-]`];
  const noHyphens = '(?!(?!xn)..--)';
  const label = `${noHyphens}${edge}(?:${inner}{0,61}${edge})?`;
  const lastLabel = `${noHyphens}(?!\\d)${edge}${inner}{0,61}${edge}`;
  return new RegExp(`^(?!\\p{M})(${word}(?:\\.${word})*)@(?:${label}\\.)+${lastLabel}$`, 'u');
}

const ADDRESS = pattern(LETTERS);

const bytes = (text: string) => new TextEncoder().encode(text).length;

/**
 * Whether this is an email address: the rule of backend/email_addresses.py and sql/accounts/users.sql, which have the
 * last word. Examples for all three are in tests/data/emails.json. A domain may be in letters of its own here.
 */
export function isEmail(typed: string): boolean {
  const address = typed.trim().normalize('NFC').toLowerCase().normalize('NFC');
  // What compatibility turns into another, like the @ of full width, may be another recipient on its way.
  if (address.normalize('NFKC') !== address) return false;
  const local = ADDRESS.exec(address)?.[1];
  return local !== undefined && bytes(local) <= 64 && bytes(address) <= 254;
}
