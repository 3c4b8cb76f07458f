import { useQuery } from '@tanstack/react-query';
import { z } from 'zod';

import { queryAs } from '@/api/data';
import { supabase } from '@/api/supabase';

const schema = z.object({ email: z.string(), email_verified: z.boolean() });

export const accountKey = ['account'];

/** What the session does not know of one's account. Read anew on focus: links in emails open in other tabs. */
export function useAccount() {
  return useQuery({
    queryKey: accountKey,
    queryFn: () => queryAs(schema, supabase.rpc('my_account', undefined, { get: true })),
    staleTime: 0,
  });
}
