import { z } from 'zod';

import { post } from '../http';
import { signedInSchema } from './shapes';
import type { Surroundings } from './session';

const NAME = 'frontrow.session';

/** Flask, the Web Locks of this origin, and a channel between its tabs. */
export function browserSurroundings(): Surroundings {
  const channel = new BroadcastChannel(NAME);
  return {
    refresh: () => post('/api/auth/refresh', signedInSchema.optional(), { keepalive: true }),
    signOut: (everywhere) =>
      post('/api/auth/logout', z.undefined(), { body: { everywhere }, keepalive: true }),
    takeTurns: (work) => navigator.locks.request(NAME, work),
    tell: (news) => channel.postMessage(news),
    listen: (listener) =>
      channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => listener(data)),
  };
}
