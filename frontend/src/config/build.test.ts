import ts from 'typescript';
import { resolveConfig, type ResolvedConfig } from 'vite';
import { beforeEach, expect, test, vi } from 'vitest';

const GOOD = {
  VITE_API_URL: 'https://api.frontrow.example',
  VITE_SUPABASE_URL: 'https://project.supabase.example',
  VITE_SUPABASE_ANON_KEY: 'sb_publishable_x',
  VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_x',
};

/** As `vite build` and `vite preview` begin, in the environment of this process. */
const start = (command: 'build' | 'serve') => resolveConfig({ logLevel: 'silent' }, command, 'production');

const formOf = ({ alias }: ResolvedConfig['resolve']) =>
  alias.find(({ find }) => find === '@payment-form')?.replacement;

beforeEach(() => {
  for (const [name, value] of Object.entries(GOOD)) vi.stubEnv(name, value);
});

test('a page that is set up is built', async () => {
  await expect(start('build')).resolves.toMatchObject({ command: 'build' });
});

test('a page with a secret key, or without a key, is not even built', async () => {
  vi.stubEnv('VITE_SUPABASE_ANON_KEY', 'sb_secret_x');
  vi.stubEnv('VITE_API_URL', undefined);
  await expect(start('build')).rejects.toThrow(
    /VITE_API_URL must be set; VITE_SUPABASE_ANON_KEY must be a publishable key/,
  );
  await expect(start('serve')).resolves.toMatchObject({ command: 'serve' });
});

test('a folder with a space in its name is found', async () => {
  const folder = `${ts.sys.getCurrentDirectory()}/node_modules/.vite/a folder`;
  const source = ts.sys.readFile('vite.config.ts') ?? '';
  ts.sys.writeFile(`${folder}/vite.config.ts`, source.replace('./src/config', '../../../src/config'));
  const { resolve } = await resolveConfig(
    { logLevel: 'silent', configFile: `${folder}/vite.config.ts` },
    'build',
    'production',
  );
  expect(formOf(resolve)).toBe(`${folder}/src/features/checkout/payment-form.ts`);
});

test.each([
  ['http://127.0.0.1:12111', 'fake_stripe/page/index.tsx'],
  ['http://localhost:12111', 'fake_stripe/page/index.tsx'],
  ['http://[::1]:12111', 'fake_stripe/page/index.tsx'],
  ['https://stripe.frontrow.example', 'checkout/payment-form.ts'],
  ['https://localhost.frontrow.example', 'checkout/payment-form.ts'],
  ['https://127.0.0.1.frontrow.example', 'checkout/payment-form.ts'],
  ['', 'checkout/payment-form.ts'],
])('only a server on this machine gets card fields other than those of Stripe: %s', async (base, form) => {
  vi.stubEnv('VITE_STRIPE_API_BASE', base);
  const { resolve } = await start('build');
  expect(formOf(resolve)).toContain(`/${form}`);
});

test('what the page has no use for is not published', async () => {
  vi.stubEnv('VITE_STRIPE_SECRET_KEY', 'sk_live_x');
  await expect(start('build')).rejects.toThrow(/no use for: VITE_STRIPE_SECRET_KEY/);
});
