import { useStore } from '@/shared/lib/store';

import { browserDeps } from './browser';
import { createSession } from './session';
import type { SessionState, User } from './shapes';

export { signedInSchema, type SessionState, type SignedIn, type User } from './shapes';

export const session = createSession(browserDeps());

export function useSession(): SessionState {
  return useStore(session.state);
}

/** Who is signed in; null for a guest, and while nobody knows. */
export function useUser(): User | null {
  const state = useSession();
  return state.status === 'signed-in' ? state.user : null;
}
