import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { enterAccount } from '@/api/flask';
import { post } from '@/api/http';
import { signedInSchema } from '@/api/session';

import { contactSchema } from '../lib/contact';
import { newPasswordSchema } from '../lib/password';

/** The rules of sql/accounts/users.sql and backend/passwords.py, which have the last word. */
export const registerSchema = contactSchema.extend({ password: newPasswordSchema });

export type Registration = z.output<typeof registerSchema>;

/** Says nothing of an address that has an account: only an email to it does. A guest becomes the account. */
const register = (registration: Registration) =>
  enterAccount((token) => post('/api/auth/register', signedInSchema, { body: registration, token }));

export function useRegister() {
  return useMutation({ mutationFn: register });
}
