import type { z } from 'zod';

import { ApiError } from './errors';
import { post } from './http';
import { session } from './session';

/** POST to Flask as who is signed in. Raises ApiError, sign_in_required for a guest. */
export async function postSignedIn<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  body?: unknown,
): Promise<z.output<S>> {
  const token = await session.accessToken();
  if (token === null) throw new ApiError('sign_in_required');
  return post(path, schema, { body, token });
}
