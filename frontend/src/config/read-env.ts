import { z } from 'zod';

const address = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .transform((url) => url.replace(/\/+$/, ''));
const given = (prefix: RegExp, error: string) => z.string('must be set').regex(prefix, error);
/** What an empty variable leaves out. */
const optional = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

const settings = z.object({
  VITE_API_URL: address,
  VITE_SUPABASE_URL: address,
  VITE_SUPABASE_ANON_KEY: z
    .string('must be set')
    .refine(
      (key) => key.startsWith('sb_publishable_') || roleOf(key) === 'anon',
      'must be a publishable key (sb_publishable_...) or an anon JWT',
    ),
  VITE_STRIPE_PUBLISHABLE_KEY: given(/^pk_/, 'must be a publishable key (pk_...)'),
  /** Another server that speaks Stripe's API. Where it is on this machine, the local stack's card form talks to it. */
  VITE_STRIPE_API_BASE: optional(address),
  /** Who verifies the human check, if anybody; Flask names the same one. */
  VITE_HUMAN_CHECK: optional(z.enum(['turnstile', 'hcaptcha'], 'must be turnstile or hcaptcha')),
  VITE_HUMAN_CHECK_SITE_KEY: optional(z.string()),
  /** Another widget than the provider's: the local stack's. */
  VITE_HUMAN_CHECK_SCRIPT: optional(address.refine(isLoopback, 'must be on this machine')),
});

const schema = settings
  .refine(
    (env) =>
      env.VITE_STRIPE_API_BASE === undefined || !env.VITE_STRIPE_PUBLISHABLE_KEY.startsWith('pk_live_'),
    { path: ['VITE_STRIPE_API_BASE'], error: 'must not be set beside a live key (pk_live_...)' },
  )
  .refine((env) => (env.VITE_HUMAN_CHECK === undefined) === (env.VITE_HUMAN_CHECK_SITE_KEY === undefined), {
    path: ['VITE_HUMAN_CHECK'],
    error: 'and VITE_HUMAN_CHECK_SITE_KEY must be set together',
  });

export type Env = Readonly<z.output<typeof schema>>;

/** Whom a key of the older form, a JWT, speaks for: the project's secret one looks the same but for that. */
function roleOf(key: string): unknown {
  try {
    const claims = key.split('.')[1] ?? '';
    return z
      .object({ role: z.string() })
      .parse(JSON.parse(atob(claims.replace(/-/g, '+').replace(/_/g, '/')))).role;
  } catch {
    return undefined;
  }
}

/**
 * For the build: whatever has a name that begins with VITE_ ends up in the page, which is public. What the page does not
 * ask for may be a secret set beside the others by mistake. Throws an Error that names it.
 */
export function rejectUnknown(source: Record<string, unknown>): void {
  const others = Object.keys(source).filter((name) => !(name in settings.shape));
  if (others.length > 0)
    throw new Error(`The page would publish what it has no use for: ${others.join(', ')}.`);
}

/** True for an address of this machine, which no page in production has a use for. */
export function isLoopback(url: string | undefined): boolean {
  if (!url || !URL.canParse(url)) return false;
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

/** The settings that the page was built with. Throws one Error that names every variable that is wrong. */
export function readEnv(source: Record<string, unknown>): Env {
  const read = schema.safeParse(source);
  if (read.success) return read.data;
  const lines = read.error.issues.map(
    (issue) => `${issue.path.join('.')} ${issue.code === 'invalid_type' ? 'must be set' : issue.message}`,
  );
  throw new Error(`The page is not set up: ${lines.join('; ')}.`);
}
