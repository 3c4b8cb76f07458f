import type { z } from 'zod';

import { ApiError } from './errors';
import { get, json, post } from './http';
import { session } from './session';

/** POST to Flask as who is signed in. Raises ApiError, sign_in_required for a guest. */
export async function postSignedIn<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  body?: unknown,
): Promise<z.output<S>> {
  return post(path, schema, { body, token: await tokenOfViewer() });
}

/** GET from Flask as who is signed in. Raises ApiError, sign_in_required for a guest. */
export async function getSignedIn<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
): Promise<z.output<S>> {
  const read = schema.safeParse(json(await getText(path)));
  if (!read.success) throw new ApiError('unexpected');
  return read.data;
}

/** As `getSignedIn`, for what is no JSON: a file. */
export async function getText(path: `/api/${string}`): Promise<string> {
  return get(path, await tokenOfViewer());
}

async function tokenOfViewer(): Promise<string> {
  const token = await session.accessToken();
  if (token === null) throw new ApiError('sign_in_required');
  return token;
}
