import { createClient } from '@supabase/supabase-js';

import { env } from '@/config/env';

import { createAuthorizedFetch } from './authorized-fetch';
import { fullJitter } from './backoff';
import type { Database } from './database.types';
import { session } from './session';

const RECONNECT = { base: 1_000, cap: 15_000 };

/** The Data API and Realtime, as the viewer. Only api folders use it; wrap queries in `query`. */
export const supabase = createClient<Database>(env.VITE_SUPABASE_URL, env.VITE_SUPABASE_ANON_KEY, {
  accessToken: () => session.accessToken(),
  global: { fetch: createAuthorizedFetch(session) },
  // query-client.ts tries again; both together would keep people waiting for half a minute.
  db: { retry: false },
  // Without jitter all pages would be back at the same moments after each restart of Realtime.
  realtime: { reconnectAfterMs: (tries) => fullJitter(tries, RECONNECT.base, RECONNECT.cap) },
});
