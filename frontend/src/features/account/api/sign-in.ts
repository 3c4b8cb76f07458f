import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { post } from '@/api/http';
import { session, signedInSchema } from '@/api/session';
import { text } from '@/shared/text';

export const signInSchema = z.object({
  email: z.string().trim().min(1, text.account.missing.email),
  password: z.string().min(1, text.account.missing.password),
});

export type SignIn = z.output<typeof signInSchema>;

const signIn = (credentials: SignIn) =>
  session.enter(() => post('/api/auth/login', signedInSchema, { body: credentials }));

export function useSignIn() {
  return useMutation({ mutationFn: signIn });
}
