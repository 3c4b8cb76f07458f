import { z } from 'zod';

import { deviceNow } from '@/shared/lib/clock';
import { claimsOf } from '@/shared/lib/jwt';
import { createStore, type Store } from '@/shared/lib/store';

import { ApiError, isApiError } from '../errors';
import { sessionMessageSchema, type SessionMessage, type SessionState, type SignedIn } from './shapes';

/** Renewed so long before it ends, and not given out any more a little before that. */
const RENEW_BEFORE = 60_000;
const UNUSABLE_BEFORE = 5_000;
const TRY_AGAIN_AFTER = 5_000;
/**
 * The database takes the token of a lost answer again for ten seconds after its first use. So the first try is given up
 * early, and the second is sent at once; that one waits as long as other calls do, for a database that is slow.
 */
const FIRST_TRY_TIMEOUT = 4_000;

/** What the session depends on, passed in. */
export interface SessionDeps {
  /**
   * Undefined for who has no session. Raises ApiError, session_ended for who had one, offline when there is no answer
   * within so many milliseconds (by default, as many as for any call).
   */
  refresh(timeout?: number): Promise<SignedIn | undefined>;
  /** Open a session of somebody without an account. Raises ApiError, too_many_attempts for an address with many. */
  openGuest(): Promise<SignedIn>;
  signOut(everywhere: boolean): Promise<void>;
  /** Run the work while no other tab runs such work. */
  withLock<T>(work: () => Promise<T>): Promise<T>;
  /** The other tabs. */
  broadcast(message: SessionMessage): void;
  listen(listener: (message: unknown) => void): void;
}

export interface Session {
  readonly state: Pick<Store<SessionState>, 'get' | 'subscribe'>;
  /** Look at the refresh cookie once more, if that may change anything. */
  check(): Promise<void>;
  /**
   * A usable access token, or null where nobody has a session. Waits for the first look; raises ApiError when it
   * cannot be renewed.
   */
  accessToken(): Promise<string | null>;
  /** Another one than that, which a server refused; null where there is none, now or for this viewer. */
  accessTokenAfter(refused: string): Promise<string | null>;
  /**
   * That of a guest, or of who has just registered and proved nothing yet; null for all others. For what makes the
   * guest, or what is the guest's, an account's.
   */
  guestToken(): Promise<string | null>;
  /** Become a guest where nobody has a session: one, for all who ask, in all tabs. Raises ApiError. */
  openGuest(): Promise<void>;
  /** Ask for another token, since what the present one says is no longer all. */
  renew(): Promise<void>;
  /** Sign in by an exchange with the server that answers tokens; undefined if it asks for more first. */
  enter(exchange: () => Promise<SignedIn | undefined>): Promise<void>;
  leave(everywhere: boolean): Promise<void>;
  /** Note the viewer's new name or address, here and in the other tabs. */
  update(changes: { full_name?: string; email?: string }): void;
}

interface Token {
  value: string;
  expiresAt: number;
}

/**
 * Who is signed in, in all tabs alike. The access token is in memory alone; the refresh token is in a cookie that no
 * script sees. A refresh token is good once, and showing it twice ends the session, so whatever changes the cookie
 * takes turns among all tabs, and each tab broadcasts what it was given.
 */
export function createSession(deps: SessionDeps): Session {
  const state = createStore<SessionState>({ status: 'loading' });
  let token: Token | undefined;
  let changes = 0;
  let renewal: Promise<void> | undefined;
  let opening: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  deps.listen((message) => {
    const parsed = sessionMessageSchema.safeParse(message);
    if (parsed.success) take(parsed.data);
  });

  function take(message: SessionMessage): void {
    changes += 1;
    if (message.kind === 'signed-out') {
      token = undefined;
      clearTimeout(timer);
      state.set({ status: 'signed-out', ended: message.ended });
      return;
    }
    token = { value: message.access_token, expiresAt: message.expires_at };
    renewIn(message.expires_at - deviceNow() - RENEW_BEFORE);
    const before = state.get();
    if (before.status !== 'signed-in' || JSON.stringify(before.user) !== JSON.stringify(message.user)) {
      state.set({ status: 'signed-in', user: message.user });
    }
  }

  function applyAndBroadcast(message: SessionMessage): void {
    take(message);
    deps.broadcast(message);
  }

  function accept({ access_token, expires_in, user }: SignedIn): void {
    applyAndBroadcast({ kind: 'signed-in', access_token, expires_at: deviceNow() + expires_in * 1000, user });
  }

  function renewIn(milliseconds: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void renew(), Math.max(TRY_AGAIN_AFTER, milliseconds));
  }

  /** One renewal at a time, in this tab and among all. */
  function renew(): Promise<void> {
    renewal ??= deps.withLock(refreshUnlessChanged(changes)).finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  async function refreshDespiteLostAnswer(): Promise<SignedIn | undefined> {
    try {
      return await deps.refresh(FIRST_TRY_TIMEOUT);
    } catch (error) {
      if (!isApiError(error, 'offline')) throw error;
      return deps.refresh();
    }
  }

  function refreshUnlessChanged(known: number): () => Promise<void> {
    return async () => {
      if (changes !== known) return; // another tab was given a token while this one waited
      try {
        const session = await refreshDespiteLostAnswer();
        if (session) accept(session);
        else applyAndBroadcast({ kind: 'signed-out', ended: token !== undefined });
      } catch (error) {
        if (isApiError(error, 'session_ended')) {
          applyAndBroadcast({ kind: 'signed-out', ended: token !== undefined });
          return;
        }
        if (!token) state.set({ status: 'unreachable' });
        renewIn(TRY_AGAIN_AFTER);
      }
    };
  }

  /** What another tab was given may not have arrived here yet, but its cookie has, and a second guest would replace it. */
  async function refreshOrOpenGuest(): Promise<void> {
    if (token !== undefined) return;
    const known = await refreshDespiteLostAnswer().catch((error: unknown) => {
      if (isApiError(error, 'session_ended')) return undefined;
      throw error;
    });
    accept(known ?? (await deps.openGuest()));
  }

  const endsWithin = (milliseconds: number) =>
    token !== undefined && token.expiresAt - deviceNow() < milliseconds;

  async function check(): Promise<void> {
    const { status } = state.get();
    if (status === 'loading' || status === 'unreachable' || endsWithin(RENEW_BEFORE)) await renew();
  }

  async function accessToken(): Promise<string | null> {
    if (state.get().status === 'loading') await renew();
    if (endsWithin(UNUSABLE_BEFORE)) await renew();
    if (endsWithin(0)) throw new ApiError('offline');
    return token?.value ?? null;
  }

  return {
    state,
    check,
    accessToken,
    renew,

    async guestToken() {
      await check();
      const value = await accessToken();
      const now = state.get();
      if (now.status !== 'signed-in') return null;
      return now.user.kind === 'guest' || now.user.email_verified === false ? value : null;
    },

    openGuest() {
      opening ??= deps.withLock(refreshOrOpenGuest).finally(() => {
        opening = undefined;
      });
      return opening;
    },

    async accessTokenAfter(refused) {
      // Several calls may be refused with one token: the first that comes renews it for all.
      if (token?.value === refused) await renew();
      if (token === undefined || token.value === refused || endsWithin(0)) return null;
      // Another person may have signed in meanwhile, in another tab: what one person asked for, another has not.
      return subjectOf(token.value) === subjectOf(refused) ? token.value : null;
    },

    enter: (exchange) =>
      deps.withLock(async () => {
        const session = await exchange();
        if (session) accept(session);
      }),

    leave: (everywhere) =>
      deps.withLock(async () => {
        await deps.signOut(everywhere);
        applyAndBroadcast({ kind: 'signed-out', ended: false });
      }),

    update(changes) {
      const current = state.get();
      if (current.status !== 'signed-in' || !token) return;
      applyAndBroadcast({
        kind: 'signed-in',
        access_token: token.value,
        expires_at: token.expiresAt,
        user: { ...current.user, ...changes },
      });
    },
  };
}

/** Whose token it is, as it says itself. */
function subjectOf(token: string): unknown {
  return z.object({ sub: z.string() }).safeParse(claimsOf(token)).data?.sub;
}
