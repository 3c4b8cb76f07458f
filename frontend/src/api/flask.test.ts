import { beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { asGuest, fakeFlask, refusal, signedIn, type Asked } from '@/test/flask';

const REFRESH = '/api/auth/refresh';
const ASK = '/api/payments/create-intent';
const DATA = '/rest/v1/rpc/server_time';

/** Tokens are good from the second on, as when the key of the first was revoked. */
let refreshes: number;
let good: (token: string | null) => boolean;

function serve(status = 401): Asked[] {
  const guarded = ({ authorization }: Asked) =>
    good(authorization) ? { status: 200, body: 7 } : refusal(status, 'sign_in_required');
  return fakeFlask({
    [REFRESH]: () => ({ status: 200, body: signedIn(`token ${(refreshes += 1)}`) }),
    [ASK]: guarded,
    [DATA]: guarded,
  });
}

/** A page that was opened anew. */
async function open() {
  vi.resetModules();
  const [flask, { supabase }] = await Promise.all([import('./flask'), import('./supabase')]);
  return { ...flask, supabase };
}

beforeEach(() => {
  refreshes = 0;
  good = (token) => token !== 'Bearer token 1';
});

test('a token that was revoked is renewed and the call made again, for all calls at once', async () => {
  const asked = serve();
  const { postSignedIn, getSignedIn, getText } = await open();
  const answers = await Promise.all([
    postSignedIn(ASK, z.number(), { booking_id: 1 }),
    getSignedIn(ASK, z.number()),
    getText(ASK),
  ]);
  expect(answers).toEqual([7, 7, '7']);
  expect(refreshes).toBe(2);
  expect(asked.filter(({ path }) => path === ASK)).toHaveLength(6);
  expect(asked.filter(({ body }) => body !== undefined).map(({ body }) => body)).toEqual([
    { booking_id: 1 },
    { booking_id: 1 },
  ]);
});

test('a second refusal is final', async () => {
  good = () => false;
  const asked = serve();
  const { getText } = await open();
  await expect(getText(ASK)).rejects.toMatchObject({ code: 'sign_in_required' });
  expect(asked.map(({ path }) => path)).toEqual([REFRESH, ASK, REFRESH, ASK]);
});

test('a refresh whose answer is lost is tried again while the database still takes its token', async () => {
  vi.useFakeTimers({ now: 0 });
  try {
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), milliseconds);
      return controller.signal;
    });
    const tries: number[] = [];
    vi.stubGlobal('fetch', (_url: string, { signal }: { signal: AbortSignal }) => {
      tries.push(Date.now());
      return tries.length > 1
        ? Promise.resolve(new Response(JSON.stringify(signedIn('token'))))
        : new Promise((_answer, fail) => signal.addEventListener('abort', () => fail(new Error('aborted'))));
    });
    vi.resetModules();
    const { session } = await import('./session');
    const token = session.accessToken();
    await vi.advanceTimersByTimeAsync(60_000);
    // Sessions that earlier tests left in this process hear of the new token, and ask for it as other tabs would.
    const [first = NaN, second = NaN] = tries;
    expect(second - first).toBeLessThan(8_000);
    await expect(token).resolves.toBe('token');
  } finally {
    vi.useRealTimers();
  }
});

test('another refusal renews nothing', async () => {
  const asked = fakeFlask({
    [REFRESH]: () => ({ status: 200, body: signedIn('token') }),
    [ASK]: () => refusal(409, 'not_payable'),
  });
  const { postSignedIn } = await open();
  await expect(postSignedIn(ASK, z.number())).rejects.toMatchObject({ code: 'not_payable' });
  expect(asked.map(({ path }) => path)).toEqual([REFRESH, ASK]);
});

test('the Data API is asked again in the same way, under the same id', async () => {
  const asked = serve();
  const { supabase } = await open();
  const time = supabase
    .rpc('server_time', undefined, { get: true })
    .setHeader('X-Request-Id', 'an-id-of-ours');
  expect((await time).data).toBe(7);
  const calls = asked.filter(({ path }) => path === DATA);
  expect(calls.map(({ authorization }) => authorization)).toEqual(['Bearer token 1', 'Bearer token 2']);
  expect(calls.map(({ requestId }) => requestId)).toEqual(['an-id-of-ours', 'an-id-of-ours']);
});

test('a guest whom the Data API refuses is refused', async () => {
  good = () => false;
  const asked = fakeFlask({
    [REFRESH]: () => ({ status: 204 }),
    [DATA]: () => refusal(401, 'sign_in_required'),
  });
  const { supabase } = await open();
  expect((await supabase.rpc('server_time', undefined, { get: true })).status).toBe(401);
  expect(asked.map(({ path }) => path)).toEqual([REFRESH, DATA]);
});

test('each call of Flask has an id, but for those that it would delay', async () => {
  good = () => true;
  const asked = serve();
  const { getText } = await open();
  await getText(ASK);
  await getText(ASK);
  const [refresh, ...calls] = asked.map(({ requestId }) => requestId);
  expect(refresh).toBeNull();
  expect(calls).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), expect.stringMatching(/^[0-9a-f]{16}$/)]);
  expect(new Set(calls).size).toBe(2);
});

const LOGIN = '/api/auth/login';

/** A guest's page, and what became of the tokens that it signed in with. */
async function signInAsGuest(refreshed: () => { status: number; body?: unknown }) {
  const asked = fakeFlask({
    [REFRESH]: refreshed,
    [LOGIN]: ({ authorization }) =>
      authorization === 'Bearer guest token'
        ? refusal(401, 'sign_in_required')
        : { status: 200, body: signedIn('of an account') },
  });
  const { enterAccount } = await open();
  const [{ session, signedInSchema }, { post }] = await Promise.all([import('./session'), import('./http')]);
  await session.enter(() => Promise.resolve(asGuest()));
  const entering = enterAccount((token) => post(LOGIN, signedInSchema, { token }));
  const tokens = () => asked.filter(({ path }) => path === LOGIN).map(({ authorization }) => authorization);
  return { entering, session, tokens };
}

test('a guest signs in with another token where the first was revoked, and keeps what is held', async () => {
  const { entering, session, tokens } = await signInAsGuest(() => ({
    status: 200,
    body: { ...asGuest(), access_token: 'another guest token' },
  }));
  await entering;
  expect(tokens()).toEqual(['Bearer guest token', 'Bearer another guest token']);
  await expect(session.accessToken()).resolves.toBe('of an account');
});

test('a guest whose session has ended signs in all the same', async () => {
  const { entering, session, tokens } = await signInAsGuest(() => ({ status: 204 }));
  await entering;
  expect(tokens()).toEqual(['Bearer guest token', null]);
  await expect(session.accessToken()).resolves.toBe('of an account');
});

test('a guest whose token cannot be renewed now does not sign in without what is held', async () => {
  const { entering, tokens } = await signInAsGuest(() => refusal(503, 'busy'));
  await expect(entering).rejects.toMatchObject({ code: 'sign_in_required' });
  expect(tokens()).toEqual(['Bearer guest token']);
});

const VERIFY = '/api/auth/verify';

/** A page with the session of a guest whose token was revoked, and what it asks as anyone. */
async function askAsAnyone(refreshed: () => { status: number; body?: unknown }) {
  const asked = fakeFlask({
    [REFRESH]: refreshed,
    [VERIFY]: ({ authorization }) =>
      authorization === 'Bearer guest token'
        ? refusal(401, 'sign_in_required')
        : { status: 200, body: authorization },
  });
  const { postAsAnyone } = await open();
  const { session } = await import('./session');
  await session.enter(() => Promise.resolve(asGuest()));
  return { answer: postAsAnyone(VERIFY, z.string().nullable(), { token: 'x' }), asked };
}

test('what anyone may ask is asked with another token where the first was revoked', async () => {
  const { answer } = await askAsAnyone(() => ({
    status: 200,
    body: { ...asGuest(), access_token: 'another guest token' },
  }));
  await expect(answer).resolves.toBe('Bearer another guest token');
});

test('what anyone may ask is asked as nobody where the session has ended', async () => {
  const { answer, asked } = await askAsAnyone(() => ({ status: 204 }));
  await expect(answer).resolves.toBeNull();
  expect(asked.filter(({ path }) => path === VERIFY).map(({ body }) => body)).toEqual([
    { token: 'x' },
    { token: 'x' },
  ]);
});
