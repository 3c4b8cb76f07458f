import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { post } from '@/api/http';
import { isEmail } from '@/shared/lib/email';
import { text } from '@/shared/text';

export const forgotSchema = z.object({
  email: z.string().trim().refine(isEmail, text.errors.invalid_email),
});

/** The answer is the same whether or not the address has an account. */
const forgot = (email: string) => post('/api/auth/forgot', z.unknown(), { body: { email } });

export function useForgot() {
  return useMutation({ mutationFn: forgot });
}
