import { z } from 'zod';

export const userSchema = z.object({
  id: z.string(),
  email: z.string(),
  full_name: z.string(),
  role: z.enum(['customer', 'staff', 'admin']),
});

export type User = Readonly<z.output<typeof userSchema>>;

/** What /api/auth/register, /login and /refresh answer; expires_in is in seconds. */
export const signedInSchema = z.object({
  access_token: z.string(),
  expires_in: z.number(),
  user: userSchema,
});

export type SignedIn = z.output<typeof signedInSchema>;

/** What tabs broadcast to each other; expires_at is in milliseconds by this machine's clock. */
export const sessionMessageSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('signed-in'),
    access_token: z.string(),
    expires_at: z.number(),
    user: userSchema,
  }),
  z.object({ kind: z.literal('signed-out'), ended: z.boolean() }),
]);

export type SessionMessage = z.output<typeof sessionMessageSchema>;

/**
 * loading: the refresh cookie was not looked at yet. unreachable: it could not be, and is tried again. guest: nobody is
 * signed in; `ended` when somebody was, and the server ended it.
 */
export type SessionState =
  | { readonly status: 'loading' | 'unreachable' }
  | { readonly status: 'guest'; readonly ended: boolean }
  | { readonly status: 'signed-in'; readonly user: User };
