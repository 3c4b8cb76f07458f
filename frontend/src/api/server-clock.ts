import { useEffect } from 'react';
import { z } from 'zod';

import { adjustClock, deviceNow } from '@/shared/lib/clock';

import { queryAs } from './data';
import { supabase } from './supabase';

const ASK_AGAIN_AFTER = 5 * 60_000;
const PATIENCE = 5_000;

let asking: Promise<void> | undefined;
/** By the device's clock; undefined until the server has said. */
let setAt: number | undefined;

/** Set the page's clock by the server's; without an answer it goes on as it was. */
function setClock(): void {
  asking ??= askServerTime()
    .catch(() => undefined)
    .finally(() => {
      asking = undefined;
    });
}

async function askServerTime(): Promise<void> {
  const askedAt = performance.now();
  const asked = supabase.rpc('server_time', undefined, { get: true });
  adjustClock(await queryAs(z.string(), asked.abortSignal(AbortSignal.timeout(PATIENCE))), askedAt);
  setAt = deviceNow();
}

/** Keep the page's clock set, now and when the page comes back to life: the device's may have been changed meanwhile. */
export function useServerClock(): void {
  useEffect(() => {
    const keep = () => {
      const due = setAt === undefined || Math.abs(deviceNow() - setAt) > ASK_AGAIN_AFTER;
      if (due && document.visibilityState === 'visible') setClock();
    };
    keep();
    addEventListener('online', keep);
    document.addEventListener('visibilitychange', keep);
    return () => {
      removeEventListener('online', keep);
      document.removeEventListener('visibilitychange', keep);
    };
  }, []);
}
