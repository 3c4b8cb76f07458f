import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { postSignedIn } from '@/api/flask';
import { session } from '@/api/session';
import { text } from '@/shared/text';

import { departureSchema, type Departure } from '../lib/departure';

export const deleteAccountSchema = z.object({ password: z.string().min(1, text.account.missing.password) });

/** A guest has no password to give. */
async function deleteAccount(proof: { password?: string }) {
  const departure = await postSignedIn('/api/auth/delete-account', departureSchema, proof);
  // The server has ended the sessions; here and in the other tabs that is still to be known.
  await session.leave(false).catch(() => undefined);
  return departure;
}

/** `onLeft` is called even if the component is gone by then, as pages of one's own are. */
export function useDeleteAccount(onLeft: (departure: Departure) => void) {
  return useMutation({ mutationFn: deleteAccount, onSuccess: onLeft });
}
