import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { mutate, queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';

const schema = z.object({
  server_time: z.string(),
  sessions: z.array(
    z.object({
      id: z.string(),
      user_agent: z.string().nullable(),
      created_at: z.string(),
      last_used_at: z.string(),
      /** Whether it is the one that asks. */
      current: z.boolean(),
    }),
  ),
});

export type OwnSession = z.output<typeof schema>['sessions'][number];

export const sessionsKey = ['own-sessions'];

/** Where the viewer is signed in. */
export function useOwnSessions() {
  return useQuery({
    queryKey: sessionsKey,
    queryFn: () => queryAs(schema, supabase.rpc('my_sessions', undefined, { get: true })),
    staleTime: 0,
  });
}

export function useEndSession() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ id }: OwnSession) =>
      mutate(z.null(), () => supabase.rpc('end_my_session', { session_id: id })),
    // After a refusal, too: the list is not what the page believed.
    onSettled: () => queryClient.invalidateQueries({ queryKey: sessionsKey }),
  });
}
