import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { answer, answerAs, answerOfChange } from './data';
import { isApiError } from './errors';
import { createQueryClient } from './query-client';

const result = (data: unknown) => Promise.resolve({ data, error: null, status: 200 } as const);

/** What supabase-js makes of PostgREST's answer when the server process behind a call was killed. */
const killed = () =>
  Promise.resolve({
    data: null,
    error: { code: '', details: null, hint: null, message: '' } as never,
    status: 400,
  });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the data of a query', async () => {
  await expect(answer(result([{ id: 1 }]))).resolves.toEqual([{ id: 1 }]);
  await expect(answerAs(z.object({ id: z.number() }), result({ id: 1 }))).resolves.toEqual({ id: 1 });
});

test('an answer of another shape is an error', async () => {
  await expect(answerAs(z.object({ id: z.number() }), result({}))).rejects.toMatchObject({
    code: 'unexpected',
  });
});

test('a question whose server process was killed is asked again', async () => {
  const ask = vi
    .fn()
    .mockImplementationOnce(killed)
    .mockImplementation(() => result([7]));
  const observer = new QueryObserver(createQueryClient(), {
    queryKey: ['seven'],
    queryFn: () => answer(ask() as ReturnType<typeof result>),
  });
  const stop = observer.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(5_000);
  stop();
  expect(observer.getCurrentResult().data).toEqual([7]);
  expect(ask).toHaveBeenCalledTimes(2);
});

test('a change whose server process was killed is made again, once', async () => {
  const call = vi
    .fn()
    .mockImplementationOnce(killed)
    .mockImplementation(() => result(7));
  const made = answerOfChange(z.number(), call);
  await vi.advanceTimersByTimeAsync(500);
  await expect(made).resolves.toBe(7);
  const never = vi.fn(killed);
  const failed = answerOfChange(z.number(), never).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(isApiError(await failed, 'busy')).toBe(true);
  expect(never).toHaveBeenCalledTimes(2);
});

test('a change that was refused is not made again', async () => {
  const refused = vi.fn(() =>
    Promise.resolve({ data: null, error: { code: 'PT409', message: 'seat_taken' } as never, status: 409 }),
  );
  await expect(answerOfChange(z.number(), refused)).rejects.toMatchObject({ code: 'seat_taken' });
  expect(refused).toHaveBeenCalledOnce();
});
