import { QueryClientProvider, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';

import { createQueryClient } from '@/api/query-client';
import { session, useSession } from '@/api/session';

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
    state.status === 'signed-in' ? state.user.id : state.status === 'guest' ? 'guest' : undefined;
  const before = useRef<string>(undefined);

  useEffect(() => {
    if (viewer === undefined) return;
    if (before.current !== undefined && before.current !== viewer) void queryClient.resetQueries();
    before.current = viewer;
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
