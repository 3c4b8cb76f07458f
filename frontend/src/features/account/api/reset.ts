import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { post } from '@/api/http';
import { session } from '@/api/session';

import { newPasswordSchema } from '../lib/password';

export const resetSchema = z.object({ password: newPasswordSchema });

const answerSchema = z.object({ email: z.string() });

async function reset(change: { token: string; password: string }) {
  const answer = await post('/api/auth/reset', answerSchema, { body: change });
  // The sessions of the account have ended, and to sign in somebody else who is signed in here has to leave; a guest
  // need not. If the server cannot be told now, the next renewal shows that a session has ended.
  const now = session.state.get();
  if (now.status === 'signed-in' && now.user.kind === 'registered')
    await session.leave(false).catch(() => undefined);
  return answer;
}

/** `onReset` is called with the address of the account, even if the form is gone by then. */
export function useReset(onReset: (email: string) => void) {
  return useMutation({ mutationFn: reset, onSuccess: ({ email }) => onReset(email) });
}
