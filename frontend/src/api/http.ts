import type { z } from 'zod';

import { env } from '@/config/env';

import { ApiError, toApiError } from './errors';

const TIMEOUT_MILLISECONDS = 20_000;

interface Options {
  body?: unknown;
  /** The access token of who asks. */
  token?: string | null;
  /** Let the request live on when the page is left, so that the cookie it answers with is kept. */
  keepalive?: boolean;
}

/** POST to Flask, cookies included; the answer as the schema reads it. Raises ApiError. */
export async function post<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  { body, token, keepalive = false }: Options = {},
): Promise<z.output<S>> {
  const headers = new Headers();
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const answer = await ask(path, {
    method: 'POST',
    credentials: 'include',
    headers,
    keepalive,
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const read = schema.safeParse(answer);
  if (!read.success) throw new ApiError('unexpected');
  return read.data;
}

/** The body as JSON, or undefined where there is none. */
async function ask(path: string, request: RequestInit): Promise<unknown> {
  let response: Response;
  let content: string;
  try {
    response = await fetch(env.VITE_API_URL + path, request);
    content = await response.text();
  } catch {
    throw new ApiError('offline');
  }
  const body = json(content);
  if (response.ok) return body;
  const retryAfter = Number(response.headers.get('Retry-After'));
  throw toApiError(body, retryAfter > 0 ? retryAfter : undefined);
}

function json(content: string): unknown {
  try {
    return content === '' ? undefined : JSON.parse(content);
  } catch {
    return undefined;
  }
}
