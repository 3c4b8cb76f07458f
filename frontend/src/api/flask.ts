import type { z } from 'zod';

import { ApiError, isApiError } from './errors';
import { get, json, post } from './http';
import { session, type SignedIn } from './session';

/** POST to Flask as who is signed in. Raises ApiError, sign_in_required for a guest. */
export async function postSignedIn<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  body?: unknown,
): Promise<z.output<S>> {
  return asViewer((token) => post(path, schema, { body, token }));
}

/** POST to Flask as who has a session here, if anybody has. Raises ApiError. */
export async function postAsAnyone<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  body?: unknown,
): Promise<z.output<S>> {
  return asAnyone(await session.accessToken(), (token) => post(path, schema, { body, token }));
}

/** GET from Flask as who is signed in. Raises ApiError, sign_in_required for a guest. */
export async function getSignedIn<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
): Promise<z.output<S>> {
  const { content, requestId } = await asViewer((token) => get(path, token));
  const read = schema.safeParse(json(content));
  if (!read.success) throw new ApiError('unexpected', { requestId });
  return read.data;
}

/** As `getSignedIn`, for what is no JSON: a file. */
export async function getText(path: `/api/${string}`): Promise<string> {
  return (await asViewer((token) => get(path, token))).content;
}

/**
 * Sign in to an account by an exchange that is given the token of the guest who does so, and answers as
 * `session.enter` has it: what a guest has becomes the account's. Raises ApiError.
 */
export async function enterAccount(
  exchange: (guestToken: string | null) => Promise<SignedIn | undefined>,
): Promise<void> {
  await asAnyone(await session.guestToken(), (token) => session.enter(() => exchange(token)));
}

/** As `asViewer`, for what nobody in particular may ask, too: where the session of the token has ended, as nobody. */
async function asAnyone<T>(token: string | null, call: (token: string | null) => Promise<T>): Promise<T> {
  try {
    return await call(token);
  } catch (error) {
    if (token === null || !isApiError(error, 'sign_in_required')) throw error;
    const next = await session.accessTokenAfter(token);
    if (next === null && session.state.get().status === 'signed-in') throw error;
    return call(next);
  }
}

/** A token may be refused before its time is over, because its key was revoked: then once more with the next one. */
async function asViewer<T>(call: (token: string) => Promise<T>): Promise<T> {
  const token = await session.accessToken();
  if (token === null) throw new ApiError('sign_in_required');
  try {
    return await call(token);
  } catch (error) {
    if (!isApiError(error, 'sign_in_required')) throw error;
    const next = await session.accessTokenAfter(token);
    if (next === null) throw error;
    return call(next);
  }
}
