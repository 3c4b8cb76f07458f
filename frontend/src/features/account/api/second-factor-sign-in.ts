import { useMutation } from '@tanstack/react-query';

import { enterAccount } from '@/api/flask';
import { post } from '@/api/http';
import { signedInSchema } from '@/api/session';

import type { Proof } from './second-factor';

const signIn = (answer: Proof & { challenge: string }) =>
  enterAccount((token) => post('/api/auth/second-factor', signedInSchema, { body: answer, token }));

/** The second step of a sign-in. */
export function useSecondFactorSignIn() {
  return useMutation({ mutationFn: signIn });
}
