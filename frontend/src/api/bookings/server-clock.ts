import { useQuery } from '@tanstack/react-query';
import { z } from 'zod';

import { adjustClock } from '@/shared/lib/clock';

import { queryAs } from '../data';
import { supabase } from '../supabase';

async function askServerTime() {
  const askedAt = performance.now();
  const time = await queryAs(z.string(), supabase.rpc('server_time', undefined, { get: true }));
  adjustClock(time, askedAt);
  return time;
}

/** Sets the page's clock, once in a visit; without an answer the viewer's own clock goes on. */
export function useServerClock() {
  useQuery({ queryKey: ['server-clock'], queryFn: askServerTime, staleTime: Infinity });
}
