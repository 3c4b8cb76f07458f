import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { enterAccount } from '@/api/flask';
import { post } from '@/api/http';
import { signedInSchema } from '@/api/session';
import { text } from '@/shared/text';

export const signInSchema = z.object({
  email: z.string().trim().min(1, text.account.missing.email),
  password: z.string().min(1, text.account.missing.password),
});

export type SignIn = z.output<typeof signInSchema>;

/** The password was right, and a code is asked for as well. */
const challengeSchema = z.object({ second_factor: z.literal(true), challenge: z.string() });

const answerSchema = z.union([challengeSchema, signedInSchema]);

/**
 * Answers the challenge that a code has to meet; undefined where the password was enough. What a guest holds and has
 * bought becomes the account's.
 */
async function signIn(credentials: SignIn): Promise<string | undefined> {
  let challenge: string | undefined;
  await enterAccount(async (token) => {
    const answer = await post('/api/auth/login', answerSchema, { body: credentials, token });
    if (!('challenge' in answer)) return answer;
    challenge = answer.challenge;
    return undefined;
  });
  return challenge;
}

export function useSignIn() {
  return useMutation({ mutationFn: signIn });
}
