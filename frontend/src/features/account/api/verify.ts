import { useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { allBookings } from '@/api/bookings';
import { postAsAnyone } from '@/api/flask';
import { text } from '@/shared/text';

import { accountKey } from './account';

const schema = z.object({ email: z.string(), purpose: z.enum(['verify_email', 'change_email']) });

export const ownPasswordSchema = z.object({ password: z.string().min(1, text.account.missing.password) });

/** The link, and the password where no session of its account is here. */
interface Proof {
  token: string;
  password?: string;
}

const verify = (proof: Proof) => postAsAnyone('/api/auth/verify', schema, proof);

/** Proves an address. Raises password_required for whoever is not signed in to the very account of the link. */
export function useVerify() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: verify,
    // What guests have bought with the address is the account's by now.
    onSuccess: () =>
      Promise.all([{ queryKey: accountKey }, allBookings].map((read) => queryClient.invalidateQueries(read))),
  });
}
