import { useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';

import { postSignedIn } from '@/api/flask';
import { text } from '@/shared/text';

import { newPasswordSchema } from '../lib/password';
import { sessionsKey } from './own-sessions';

export const changePasswordSchema = z.object({
  current_password: z.string().min(1, text.account.missing.password),
  new_password: newPasswordSchema,
});

type PasswordChange = z.output<typeof changePasswordSchema>;

const changePassword = (change: PasswordChange) =>
  postSignedIn('/api/auth/change-password', z.undefined(), change);

/** Ends all sessions but this one. */
export function useChangePassword() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: changePassword,
    onSuccess: () => void queryClient.invalidateQueries({ queryKey: sessionsKey }),
  });
}
