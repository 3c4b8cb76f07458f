import { vi } from 'vitest';

import type { Guest } from '@/api/session';

export interface Asked {
  path: string;
  body: unknown;
  authorization: string | null;
  requestId: string | null;
}

type Answer = (
  asked: Asked,
) => { status: number; body?: unknown } | Promise<{ status: number; body?: unknown }>;

/** Answer what the page asks of Flask, and of the Data API, by path; the answered list fills with what was asked. */
export function fakeFlask(answers: Record<string, Answer>): Asked[] {
  const log: Asked[] = [];
  vi.stubGlobal('fetch', async (url: string, request: RequestInit) => {
    const asked: Asked = {
      path: new URL(url).pathname,
      body: typeof request.body === 'string' ? (JSON.parse(request.body) as unknown) : undefined,
      authorization: new Headers(request.headers).get('Authorization'),
      requestId: new Headers(request.headers).get('X-Request-Id'),
    };
    log.push(asked);
    const answer = answers[asked.path];
    if (!answer) throw new TypeError('nobody answers');
    const { status, body } = await answer(asked);
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  });
  return log;
}

export const refusal = (status: number, message: string, details: unknown = {}, hint = 'A sentence.') => ({
  status,
  body: { code: `PT${status}`, message, details: JSON.stringify(details), hint },
});

export const ADA = {
  id: 'ada',
  kind: 'registered',
  email: 'ada@example.com',
  full_name: 'Ada',
  role: 'customer',
} as const;

/** Somebody who has given neither name nor address yet. */
export const GUEST = {
  id: 'guest',
  kind: 'guest',
  email: null,
  full_name: null,
  role: 'customer',
} as const;

export const signedIn = (access_token: string, expires_in = 900) => ({ access_token, expires_in, user: ADA });

export const asGuest = (user: Partial<Guest> = {}) => ({
  access_token: 'guest token',
  expires_in: 900,
  user: { ...GUEST, ...user },
});
