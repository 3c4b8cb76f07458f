import { expect, test } from 'vitest';
import { z } from 'zod';

import { answer, answerAs } from './data';

const result = (data: unknown) => Promise.resolve({ data, error: null, status: 200 } as const);

test('the data of a query', async () => {
  await expect(answer(result([{ id: 1 }]))).resolves.toEqual([{ id: 1 }]);
  await expect(answerAs(z.object({ id: z.number() }), result({ id: 1 }))).resolves.toEqual({ id: 1 });
});

test('an answer of another shape is an error', async () => {
  await expect(answerAs(z.object({ id: z.number() }), result({}))).rejects.toMatchObject({
    code: 'unexpected',
  });
});
