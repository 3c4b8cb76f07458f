import { expect, test } from 'vitest';

import { examplesOf } from '@/test/examples';

import { isEmail } from './email';

const examples = examplesOf('emails');

test.each(examples.accepted)('%j is an address', (typed) => {
  expect(isEmail(typed)).toBe(true);
});

test('what is stored is an address', () => {
  for (const [, stored] of examples.accepted) expect(isEmail(stored)).toBe(true);
});

test.each(examples.refused)('%j is no address', (typed) => {
  expect(isEmail(typed)).toBe(false);
});
