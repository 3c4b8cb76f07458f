import { useMutation } from '@tanstack/react-query';
import { z } from 'zod';

import { post } from '@/api/http';
import { session, signedInSchema } from '@/api/session';
import { isEmail } from '@/shared/lib/email';
import { text } from '@/shared/text';

import { nameSchema } from '../lib/name';

const { errors } = text;

/** The rules of sql/accounts/users.sql and backend/passwords.py, which have the last word. */
export const registerSchema = z.object({
  full_name: nameSchema,
  email: z.string().trim().refine(isEmail, errors.invalid_email),
  password: z.string().min(10, errors.weak_password).max(200, errors.weak_password),
});

export type Registration = z.output<typeof registerSchema>;

const register = (registration: Registration) =>
  session.enter(() => post('/api/auth/register', signedInSchema, { body: registration }));

export function useRegister() {
  return useMutation({ mutationFn: register });
}
