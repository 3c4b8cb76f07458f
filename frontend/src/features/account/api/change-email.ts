import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { postSignedIn } from '@/api/flask';
import { isEmail } from '@/shared/lib/email';
import { text } from '@/shared/text';

export const changeEmailSchema = z.object({
  email: z.string().trim().refine(isEmail, text.errors.invalid_email),
  password: z.string().min(1, text.account.missing.password),
});

type EmailChange = z.output<typeof changeEmailSchema>;

/** Only the link that is sent to the new address changes it. */
const changeEmail = (change: EmailChange) => postSignedIn('/api/auth/change-email', z.unknown(), change);

export function useChangeEmail() {
  return useMutation({ mutationFn: changeEmail });
}
