import type { z } from 'zod';

import { env } from '@/config/env';

import { ApiError, toApiError } from './errors';
import { newRequestId, REQUEST_ID } from './request-id';

const TIMEOUT_MILLISECONDS = 20_000;

interface Options {
  body?: unknown;
  /** The access token of who asks. */
  token?: string | null;
  /** Let the request live on when the page is left, so that the cookie it answers with is kept. */
  keepalive?: boolean;
  /** Milliseconds until the answer counts as lost. */
  timeout?: number | undefined;
}

/** POST to Flask, cookies included; the answer as the schema reads it. Raises ApiError. */
export async function post<S extends z.ZodType>(
  path: `/api/${string}`,
  schema: S,
  options?: Options,
): Promise<z.output<S>> {
  const { content, requestId } = await postForFile(path, options);
  const read = schema.safeParse(json(content));
  if (!read.success) throw new ApiError('unexpected', { requestId });
  return read.data;
}

/** As `post`, for an answer that is no JSON: a file. */
export function postForFile(
  path: `/api/${string}`,
  { body, token, keepalive = false, timeout = TIMEOUT_MILLISECONDS }: Options = {},
): Promise<Answer> {
  const headers = new Headers();
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  if (token) headers.set('Authorization', `Bearer ${token}`);
  return ask(path, {
    method: 'POST',
    credentials: 'include',
    headers,
    keepalive,
    signal: AbortSignal.timeout(timeout),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

interface Answer {
  content: string;
  requestId: string | undefined;
}

/** GET from Flask as who has that token; the answer as it came. Raises ApiError. */
export function get(path: `/api/${string}`, token: string): Promise<Answer> {
  return ask(path, {
    headers: new Headers({ Authorization: `Bearer ${token}` }),
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
}

/** Raises ApiError for what is not 2xx. */
async function ask(path: string, request: RequestInit & { headers: Headers }): Promise<Answer> {
  // A call with no other header of its own stays one that no preflight delays: Flask names those by itself.
  if (!request.headers.keys().next().done) request.headers.set(REQUEST_ID, newRequestId());
  let response: Response;
  let content: string;
  try {
    response = await fetch(env.VITE_API_URL + path, request);
    content = await response.text();
  } catch {
    throw new ApiError('offline');
  }
  const requestId = response.headers.get(REQUEST_ID) ?? request.headers.get(REQUEST_ID) ?? undefined;
  if (response.ok) return { content, requestId };
  const seconds = Number(response.headers.get('Retry-After'));
  throw toApiError(json(content), response.status, {
    retryAfter: seconds > 0 ? seconds : undefined,
    requestId,
  });
}

/** Undefined where there is none. */
export function json(content: string): unknown {
  try {
    return content === '' ? undefined : JSON.parse(content);
  } catch {
    return undefined;
  }
}
