import { expect, test } from 'vitest';

import { newPasswordSchema } from './password';

const accepts = (typed: string) => newPasswordSchema.safeParse(typed).success;

test.each([
  ['nine chars', true],
  ['nine char', false],
  ['x'.repeat(200), true],
  ['x'.repeat(201), false],
  // One character each, of two units.
  ['🎬'.repeat(9), false],
  ['🎬'.repeat(10), true],
  ['🎬'.repeat(200), true],
  // A letter and its accent apart are one letter; one ligature is three letters.
  ['e\u0301'.repeat(9), false],
  ['ﬃﬃﬃx', true],
])('characters are counted as the server counts them: %j', (typed, accepted) => {
  expect(accepts(typed)).toBe(accepted);
});
