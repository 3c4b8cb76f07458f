import { useStore } from '@/shared/lib/store';

import { browserDeps } from './browser';
import { createSession } from './session';
import type { Account, Guest, SessionState, User } from './shapes';

export {
  signedInSchema,
  type Account,
  type Guest,
  type SessionState,
  type SignedIn,
  type User,
} from './shapes';

export const session = createSession(browserDeps());

export function useSession(): SessionState {
  return useStore(session.state);
}

/** Who has a session here; null for nobody, and while nobody knows. */
export function useUser(): User | null {
  const state = useSession();
  return state.status === 'signed-in' ? state.user : null;
}

/** The viewer, if that is somebody with an account. */
export function useAccountUser(): Account | null {
  const user = useUser();
  return user?.kind === 'registered' ? user : null;
}

/** The viewer, if that is somebody without an account who holds or books seats. */
export function useGuest(): Guest | null {
  const user = useUser();
  return user?.kind === 'guest' ? user : null;
}
