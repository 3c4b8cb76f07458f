import type { PostgrestError } from '@supabase/supabase-js';
import type { z } from 'zod';

import { ApiError, isApiError, toApiError } from './errors';
import { newRequestId, REQUEST_ID } from './request-id';

interface Result {
  data: unknown;
  error: PostgrestError | null;
  status: number;
}

/** What supabase-js answers before it is awaited. */
type Query = PromiseLike<Result> & { setHeader(name: string, value: string): unknown };

/** What a function answers: `await queryAs(schema, supabase.rpc('theaters', undefined, { get: true }))`. Raises ApiError. */
export async function queryAs<S extends z.ZodType>(
  schema: S,
  query: Query,
  requestId = newRequestId(),
): Promise<z.output<S>> {
  const read = schema.safeParse(await dataOf(query, requestId));
  if (!read.success) throw new ApiError('unexpected', { requestId });
  return read.data;
}

const PAUSE_BEFORE_RETRY = 500;

/**
 * As `queryAs`, for the functions that change something. Each may be called twice (lock_seats, release_seats,
 * create_booking, cancel_booking answer the same again), so one that met a database in trouble is, whether its first
 * call had an effect or not. Both go under one id, for they are one change.
 */
export async function mutate<S extends z.ZodType>(schema: S, call: () => Query): Promise<z.output<S>> {
  const requestId = newRequestId();
  try {
    return await queryAs(schema, call(), requestId);
  } catch (error) {
    if (!isApiError(error, 'busy')) throw error;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_BEFORE_RETRY));
    return queryAs(schema, call(), requestId);
  }
}

async function dataOf(query: Query, requestId: string): Promise<unknown> {
  query.setHeader(REQUEST_ID, requestId);
  const { data, error, status } = await query;
  // supabase-js reports a request that got no answer as an error with status 0.
  if (error) throw status === 0 ? new ApiError('offline') : toApiError(error, status, { requestId });
  return data;
}
