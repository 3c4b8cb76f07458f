import { z } from 'zod';

import { post } from '../http';
import { signedInSchema } from './shapes';
import type { SessionDeps } from './session';

const NAME = 'frontrow.session';

/** Flask, the Web Locks of this origin, and a channel between its tabs. */
export function browserDeps(): SessionDeps {
  const channel = new BroadcastChannel(NAME);
  return {
    refresh: (timeout) => post('/api/auth/refresh', signedInSchema.optional(), { keepalive: true, timeout }),
    openGuest: () => post('/api/auth/guest', signedInSchema, { keepalive: true }),
    signOut: (everywhere) =>
      post('/api/auth/logout', z.undefined(), { body: { everywhere }, keepalive: true }),
    withLock: (work) => navigator.locks.request(NAME, work),
    broadcast: (message) => channel.postMessage(message),
    listen: (listener) =>
      channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => listener(data)),
  };
}
