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
  const content = await contentOf(path, {
    method: 'POST',
    credentials: 'include',
    headers,
    keepalive,
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const read = schema.safeParse(json(content));
  if (!read.success) throw new ApiError('unexpected');
  return read.data;
}

/** GET from Flask as who has that token; the answer as it came. Raises ApiError. */
export function get(path: `/api/${string}`, token: string): Promise<string> {
  return contentOf(path, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
}

/** Raises ApiError for what is not 2xx. */
async function contentOf(path: string, request: RequestInit): Promise<string> {
  let response: Response;
  let content: string;
  try {
    response = await fetch(env.VITE_API_URL + path, request);
    content = await response.text();
  } catch {
    throw new ApiError('offline');
  }
  if (response.ok) return content;
  const retryAfter = Number(response.headers.get('Retry-After'));
  throw toApiError(json(content), response.status, retryAfter > 0 ? retryAfter : undefined);
}

/** Undefined where there is none. */
export function json(content: string): unknown {
  try {
    return content === '' ? undefined : JSON.parse(content);
  } catch {
    return undefined;
  }
}
