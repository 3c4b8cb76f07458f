import { expect, test } from 'vitest';

import { examplesOf } from '@/test/examples';

import { nameSchema } from './name';

const examples = examplesOf('names');

test.each(examples.accepted)('%j is a name', (typed) => {
  expect(nameSchema.safeParse(typed).success).toBe(true);
});

test.each(['', ' \u00a0', 'x'.repeat(101), 'Pay at https://evil.example', 'ｗｗｗ．evil.example'])(
  '%j is refused before it is sent',
  (typed) => {
    expect(nameSchema.safeParse(typed).success).toBe(false);
  },
);
