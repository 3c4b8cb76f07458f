import { createClient } from '@supabase/supabase-js';

import { env } from '@/config/env';

import type { Database } from './database.types';
import { createAuthorizedFetch } from './authorized-fetch';
import { session } from './session';

/** The Data API and Realtime, as who is signed in. Only api folders use it; wrap queries in `answer`. */
export const supabase = createClient<Database>(env.VITE_SUPABASE_URL, env.VITE_SUPABASE_ANON_KEY, {
  accessToken: () => session.accessToken(),
  global: { fetch: createAuthorizedFetch(session) },
  // query-client.ts tries again; both together let people wait for half a minute before they are told.
  db: { retry: false },
});
