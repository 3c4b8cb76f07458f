import { QueryClientProvider, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';

import { createQueryClient } from '@/api/query-client';
import { session, useSession, type User } from '@/api/session';
import { passHeldOn } from '@/features/seats/model/held-seats';

type Viewer = Pick<User, 'id' | 'kind'> | typeof NOBODY;

const NOBODY = { id: '', kind: 'nobody' } as const;

export function Providers({ children }: { children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  return (
    <QueryClientProvider client={queryClient}>
      <KeepSession />
      {children}
    </QueryClientProvider>
  );
}

/** Check the session, now and when the page comes back to life; drop what was read as another viewer. */
function KeepSession() {
  const queryClient = useQueryClient();
  const state = useSession();
  const viewer =
    state.status === 'signed-in' ? state.user : state.status === 'signed-out' ? NOBODY : undefined;
  const before = useRef<Viewer>(undefined);

  useEffect(() => {
    const last = before.current;
    before.current = viewer ?? last;
    if (!viewer || !last || last.id === viewer.id) return;
    // What nobody in particular was shown is true for a guest who has just begun, too, and the seat map stays in sight.
    if (last !== NOBODY || viewer.kind !== 'guest') void queryClient.resetQueries();
    // Signing in moves what a guest holds to the account.
    if (last.kind === 'guest' && viewer.kind === 'registered') passHeldOn(last.id, viewer.id);
  }, [queryClient, viewer]);

  useEffect(() => {
    const check = () => void session.check();
    check();
    addEventListener('online', check);
    document.addEventListener('visibilitychange', check);
    return () => {
      removeEventListener('online', check);
      document.removeEventListener('visibilitychange', check);
    };
  }, []);

  return null;
}
