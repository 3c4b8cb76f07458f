import { z } from 'zod';

import type { Guest } from '@/api/session';
import { isEmail } from '@/shared/lib/email';
import { text } from '@/shared/text';

import { nameSchema } from './name';

/** Where emails go and how they greet. The rules of sql/accounts/users.sql, which has the last word. */
export const contactSchema = z.object({
  full_name: nameSchema,
  email: z.string().trim().refine(isEmail, text.errors.invalid_email),
});

export type Contact = z.output<typeof contactSchema>;

/** Undefined until the guest has given both. */
export function contactOf({ email, full_name }: Guest): Contact | undefined {
  return email === null || full_name === null ? undefined : { email, full_name };
}
