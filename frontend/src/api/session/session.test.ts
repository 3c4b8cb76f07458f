import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ADA, asGuest, GUEST, signedIn } from '@/test/flask';
import { locks } from '@/test/locks';

import { ApiError } from '../errors';
import { createSession, type Session } from './session';
import type { SessionMessage, SignedIn } from './shapes';

const MINUTE = 60_000;

/** Tabs of one browser, and a server that knows one refresh token at a time, in their common cookie. */
class Browser {
  cookie = 1;
  valid = 1;
  /** With those that were not answered. */
  tries = 0;
  refreshes = 0;
  down = false;
  busy = false;
  guests = 0;
  limited = false;
  readonly tabs: ((message: unknown) => void)[] = [];

  open(): Session {
    const others = () => this.tabs.filter((tab) => tab !== mine);
    let mine: (message: unknown) => void = () => undefined;
    return createSession({
      refresh: () => {
        this.tries += 1;
        return this.refresh();
      },
      openGuest: () => this.openGuest(),
      signOut: () => {
        this.cookie = 0;
        return Promise.resolve();
      },
      withLock: (work) => locks.request('session', work) as ReturnType<typeof work>,
      broadcast: (message: SessionMessage) => others().forEach((tab) => tab(structuredClone(message))),
      listen: (listener) => this.tabs.push((mine = listener)),
    });
  }

  private async openGuest(): Promise<SignedIn> {
    await Promise.resolve();
    if (this.limited) throw new ApiError('too_many_attempts', { retryAfter: 300 });
    this.guests += 1;
    this.cookie = this.valid += 1;
    return asGuest();
  }

  /** As the server does it: a token shown twice ends the session. */
  private async refresh(): Promise<SignedIn | undefined> {
    const shown = this.cookie;
    await Promise.resolve();
    if (this.down) throw new ApiError('offline');
    if (this.busy) throw new ApiError('busy');
    this.refreshes += 1;
    if (shown === 0) return undefined;
    if (shown !== this.valid) {
      this.cookie = this.valid = 0;
      throw new ApiError('session_ended');
    }
    this.valid += 1;
    await Promise.resolve();
    this.cookie = this.valid;
    return signedIn(`token ${this.valid}`);
  }
}

let browser: Browser;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  browser = new Browser();
});
afterEach(() => vi.useRealTimers());

test('the refresh cookie signs in, once for all who ask', async () => {
  const tab = browser.open();
  expect(tab.state.get()).toEqual({ status: 'loading' });
  const tokens = await Promise.all([
    tab.accessToken(),
    tab.accessToken(),
    tab.check().then(() => tab.accessToken()),
  ]);
  expect(tokens).toEqual(['token 2', 'token 2', 'token 2']);
  expect(tab.state.get()).toEqual({ status: 'signed-in', user: ADA });
  expect(browser.refreshes).toBe(1);
});

test('no cookie is a guest whose session did not end', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  await expect(tab.accessToken()).resolves.toBeNull();
  expect(tab.state.get()).toEqual({ status: 'signed-out', ended: false });
});

test('tabs that load at once take turns and share', async () => {
  const tabs = [browser.open(), browser.open(), browser.open()];
  await Promise.all(tabs.map((tab) => tab.check()));
  expect(tabs.map((tab) => tab.state.get().status)).toEqual(['signed-in', 'signed-in', 'signed-in']);
  expect(browser.refreshes).toBe(1);
});

test('tabs that renew at once take turns and share', async () => {
  const tabs = [browser.open(), browser.open()];
  await Promise.all(tabs.map((tab) => tab.check()));
  await vi.advanceTimersByTimeAsync(14 * MINUTE);
  expect(browser.refreshes).toBe(2);
  await expect(Promise.all(tabs.map((tab) => tab.accessToken()))).resolves.toEqual(['token 3', 'token 3']);
});

test('a token is renewed before it ends, without a render', async () => {
  const tab = browser.open();
  await tab.check();
  const before = tab.state.get();
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(browser.refreshes).toBe(5);
  expect(tab.state.get()).toBe(before);
});

test('a token that ended while the machine slept is renewed before it is used', async () => {
  const tab = browser.open();
  await tab.check();
  vi.setSystemTime(20 * MINUTE); // timers did not run
  await expect(tab.accessToken()).resolves.toBe('token 3');
});

test('a token that was refused is renewed, once for all who were refused with it', async () => {
  const [tab, other] = [browser.open(), browser.open()];
  await Promise.all([tab.check(), other.check()]);
  const next = await Promise.all([tab, tab, other].map((each) => each.accessTokenAfter('token 2')));
  expect(next).toEqual(['token 3', 'token 3', 'token 3']);
  expect(browser.refreshes).toBe(2);
  await expect(tab.accessTokenAfter('token 2')).resolves.toBe('token 3');
  expect(browser.refreshes).toBe(2);
});

test('there may be no token after one that was refused', async () => {
  const tab = browser.open();
  await tab.check();
  browser.down = true;
  await expect(tab.accessTokenAfter('token 2')).resolves.toBeNull();
  expect(tab.state.get().status).toBe('signed-in');
  browser.down = false;
  browser.valid = 0;
  await expect(tab.accessTokenAfter('token 2')).resolves.toBeNull();
  expect(tab.state.get()).toEqual({ status: 'signed-out', ended: true });
  await expect(tab.accessTokenAfter('of a guest')).resolves.toBeNull();
});

test('what was asked with the token of one person is not asked again as another', async () => {
  const tokenOf = (sub: string, number: number) => `h.${btoa(JSON.stringify({ sub, number }))}.s`;
  const tab = browser.open();
  await tab.enter(() => Promise.resolve(signedIn(tokenOf('grace', 1))));
  await expect(tab.accessTokenAfter(tokenOf('ada', 1))).resolves.toBeNull();
  await expect(tab.accessTokenAfter(tokenOf('grace', 0))).resolves.toBe(tokenOf('grace', 1));
});

test('a server that is down is asked again; the customer stays signed in', async () => {
  const tab = browser.open();
  await tab.check();
  browser.down = true;
  vi.setSystemTime(20 * MINUTE);
  await expect(tab.accessToken()).rejects.toMatchObject({ code: 'offline' });
  expect(tab.state.get().status).toBe('signed-in');
  browser.down = false;
  await vi.advanceTimersByTimeAsync(5_000);
  await expect(tab.accessToken()).resolves.toBe('token 3');
});

test('a server that is too busy gets no second try at once', async () => {
  browser.busy = true;
  const tab = browser.open();
  await tab.check();
  expect(browser.tries).toBe(1);
  browser.busy = false;
  browser.down = true;
  await tab.check();
  expect(browser.tries).toBe(3);
});

test('a first look that fails is repeated', async () => {
  browser.down = true;
  const tab = browser.open();
  await expect(tab.accessToken()).resolves.toBeNull();
  expect(tab.state.get()).toEqual({ status: 'unreachable' });
  browser.down = false;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(tab.state.get().status).toBe('signed-in');
});

test('a session that the server ended reaches all tabs', async () => {
  const tabs = [browser.open(), browser.open()] as const;
  await Promise.all(tabs.map((tab) => tab.check()));
  browser.valid = 0;
  await vi.advanceTimersByTimeAsync(14 * MINUTE);
  for (const tab of tabs) expect(tab.state.get()).toEqual({ status: 'signed-out', ended: true });
});

test('signing in and out reaches all tabs', async () => {
  browser.cookie = 0;
  const [one, other] = [browser.open(), browser.open()];
  await Promise.all([one.check(), other.check()]);
  await one.enter(() => Promise.resolve(signedIn('fresh')));
  await expect(other.accessToken()).resolves.toBe('fresh');
  await other.leave(true);
  expect(one.state.get()).toEqual({ status: 'signed-out', ended: false });
  await expect(one.accessToken()).resolves.toBeNull();
});

test('a refusal to sign in is passed on and changes nothing', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  await tab.check();
  await expect(tab.enter(() => Promise.reject(new ApiError('invalid_credentials')))).rejects.toMatchObject({
    code: 'invalid_credentials',
  });
  expect(tab.state.get().status).toBe('signed-out');
});

test('nonsense between tabs is ignored', async () => {
  const tab = browser.open();
  await tab.check();
  browser.tabs.forEach((receive) => receive({ kind: 'signed-in', access_token: 7 }));
  await expect(tab.accessToken()).resolves.toBe('token 2');
});

test('a new name is known in every tab, and whoever is signed out has none', async () => {
  const [one, other] = [browser.open(), browser.open()];
  await one.check();
  one.update({ full_name: 'Ada King' });
  for (const tab of [one, other])
    expect(tab.state.get()).toEqual({ status: 'signed-in', user: { ...ADA, full_name: 'Ada King' } });
  await one.leave(false);
  one.update({ full_name: 'Nobody' });
  expect(one.state.get()).toEqual({ status: 'signed-out', ended: false });
});

test('whoever asks at once becomes one guest, in all tabs', async () => {
  browser.cookie = 0;
  const [one, other] = [browser.open(), browser.open()];
  await Promise.all([one.check(), other.check()]);
  await Promise.all([one.openGuest(), one.openGuest(), other.openGuest()]);
  expect(browser.guests).toBe(1);
  for (const tab of [one, other]) expect(tab.state.get()).toEqual({ status: 'signed-in', user: GUEST });
  await one.openGuest();
  expect(browser.guests).toBe(1);
});

test('a session that another tab has not told of yet is used, and not replaced by that of a guest', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  await tab.check();
  browser.cookie = browser.valid;
  await tab.openGuest();
  expect(browser.guests).toBe(0);
  expect(tab.state.get()).toEqual({ status: 'signed-in', user: ADA });
});

test('a tab that could not look for a session opens none', async () => {
  browser.down = true;
  const tab = browser.open();
  await tab.check();
  await expect(tab.openGuest()).rejects.toMatchObject({ code: 'offline' });
  expect(browser.guests).toBe(0);
});

test('a session that has ended makes room for a guest', async () => {
  const tab = browser.open();
  browser.valid = 7;
  await tab.openGuest();
  expect(tab.state.get()).toEqual({ status: 'signed-in', user: GUEST });
});

test('who may not be a guest now may be one later', async () => {
  browser.cookie = 0;
  browser.limited = true;
  const tab = browser.open();
  await tab.check();
  await expect(tab.openGuest()).rejects.toMatchObject({ code: 'too_many_attempts', retryAfter: 300 });
  expect(tab.state.get()).toEqual({ status: 'signed-out', ended: false });
  browser.limited = false;
  await tab.openGuest();
  expect(tab.state.get().status).toBe('signed-in');
});

test('only a guest has a token to become an account by', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  await expect(tab.guestToken()).resolves.toBeNull();
  await tab.openGuest();
  await expect(tab.guestToken()).resolves.toBe('guest token');
  await tab.enter(() => Promise.resolve(signedIn('of an account')));
  await expect(tab.guestToken()).resolves.toBeNull();
});

test('who has just registered signs in to another account as a guest does', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  const registered = signedIn('of a new account');
  await tab.enter(() => Promise.resolve({ ...registered, user: { ...ADA, email_verified: false } }));
  await expect(tab.guestToken()).resolves.toBe(registered.access_token);
});

test('a guest’s token that is about to end is renewed before something is made of it', async () => {
  browser.cookie = 0;
  const tab = browser.open();
  await tab.check();
  await tab.openGuest();
  vi.setSystemTime(15 * MINUTE - 10_000); // timers did not run
  const before = browser.refreshes;
  await tab.guestToken();
  expect(browser.refreshes).toBe(before + 1);
});

test('another token is asked for when what it says has changed', async () => {
  const tab = browser.open();
  await tab.check();
  await tab.renew();
  await expect(tab.accessToken()).resolves.toBe('token 3');
});
