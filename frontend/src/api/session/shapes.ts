import { z } from 'zod';

const identitySchema = z.object({ id: z.string(), role: z.enum(['customer', 'staff', 'admin']) });

/** A guest is somebody who holds or books seats without an account; email and name come with the first payment. */
export const userSchema = z.discriminatedUnion('kind', [
  identitySchema.extend({
    kind: z.literal('guest'),
    email: z.string().nullable(),
    full_name: z.string().nullable(),
  }),
  identitySchema.extend({
    kind: z.literal('registered'),
    email: z.string(),
    full_name: z.string(),
    email_verified: z.boolean().optional(),
  }),
]);

export type User = Readonly<z.output<typeof userSchema>>;
export type Guest = Extract<User, { kind: 'guest' }>;
export type Account = Extract<User, { kind: 'registered' }>;

/** What /api/auth/register, /login, /guest and /refresh answer; expires_in is in seconds. */
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
 * loading: the refresh cookie was not looked at yet. unreachable: it could not be, and is tried again. signed-out: nobody
 * has a session here; `ended` when somebody had, and the server ended it. signed-in: with an account, or as a guest.
 */
export type SessionState =
  | { readonly status: 'loading' | 'unreachable' }
  | { readonly status: 'signed-out'; readonly ended: boolean }
  | { readonly status: 'signed-in'; readonly user: User };
