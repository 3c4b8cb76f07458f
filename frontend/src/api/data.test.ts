import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { queryAs, mutate } from './data';
import { isApiError } from './errors';
import { createQueryClient } from './query-client';

const asked: string[] = [];

/** As supabase-js has them: what is awaited takes headers first. */
const builder = <R>(result: R) =>
  Object.assign(Promise.resolve(result), {
    setHeader: (name: string, value: string) => asked.push(`${name}: ${value}`),
  });

const result = (data: unknown) => builder({ data, error: null, status: 200 } as const);

/** What supabase-js makes of PostgREST's answer when the server process behind a call was killed. */
const killed = () =>
  builder({
    data: null,
    error: { code: '', details: null, hint: null, message: '' } as never,
    status: 400,
  });

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
});
afterEach(() => void vi.useRealTimers());

test('the data of a query', async () => {
  await expect(queryAs(z.object({ id: z.number() }), result({ id: 1 }))).resolves.toEqual({ id: 1 });
});

test('an answer of another shape is an error', async () => {
  await expect(queryAs(z.object({ id: z.number() }), result({}))).rejects.toMatchObject({
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
    queryFn: () => queryAs(z.array(z.number()), ask() as ReturnType<typeof result>),
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
  const made = mutate(z.number(), call);
  await vi.advanceTimersByTimeAsync(500);
  await expect(made).resolves.toBe(7);
  const never = vi.fn(killed);
  const failed = mutate(z.number(), never).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(isApiError(await failed, 'busy')).toBe(true);
  expect(never).toHaveBeenCalledTimes(2);
});

test('a change that was refused is not made again', async () => {
  const refused = vi.fn(() =>
    builder({ data: null, error: { code: 'PT409', message: 'seat_taken' } as never, status: 409 }),
  );
  await expect(mutate(z.number(), refused)).rejects.toMatchObject({ code: 'seat_taken' });
  expect(refused).toHaveBeenCalledOnce();
});

test('each call has an id that Flask and the database accept, and a change that is made again keeps its own', async () => {
  await queryAs(z.number(), result(1));
  await queryAs(z.number(), result(1));
  expect(asked).toEqual([
    expect.stringMatching(/^X-Request-Id: [0-9a-f]{16}$/),
    expect.stringMatching(/^X-Request-Id: [0-9a-f]{16}$/),
  ]);
  expect(new Set(asked).size).toBe(2);
  asked.length = 0;
  const made = mutate(
    z.number(),
    vi
      .fn()
      .mockImplementationOnce(killed)
      .mockImplementation(() => result(7)),
  );
  await vi.advanceTimersByTimeAsync(500);
  await made;
  expect(asked).toHaveLength(2);
  expect(new Set(asked).size).toBe(1);
});

test('an error names the call that it came of', async () => {
  const failed = builder({ data: null, error: { code: '23514', message: 'x' } as never, status: 400 });
  for (const failure of [queryAs(z.string(), failed), queryAs(z.string(), result(7))]) {
    const error: unknown = await failure.catch((reason: unknown) => reason);
    const named = isApiError(error, 'unexpected') ? error.requestId : undefined;
    expect(asked).toContain(`X-Request-Id: ${named}`);
  }
});
