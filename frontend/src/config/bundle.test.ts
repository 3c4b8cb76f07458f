import ts from 'typescript';
import { build, type Rolldown } from 'vite';
import { expect, test, vi } from 'vitest';

const FAKE_STRIPE = '../dev/fake_stripe/page';
const FAKE_HUMAN_CHECK = '../dev/fake_human_check.py';

/** What only a form of our own has: raw card fields, test cards, and the folder it lives in. */
const MARKERS = ['cc-number', 'cc-csc', 'payment_method_data', '4242 4242', 'stand-in', 'Test cards'];
/** What only the widget and the keys of the local stack have. */
const CHECK_MARKERS = ['I am human', '1x_local_site_key', '/_fake/human/'];

test('the page as it is built for production contains no card form and no human check of our own', async () => {
  const settings = {
    VITE_API_URL: 'https://api.frontrow.example',
    VITE_SUPABASE_URL: 'https://project.supabase.example',
    VITE_SUPABASE_ANON_KEY: 'sb_publishable_x',
    VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_x',
    VITE_HUMAN_CHECK: 'turnstile',
    VITE_HUMAN_CHECK_SITE_KEY: 'x',
  };
  vi.stubEnv('NODE_ENV', 'production');
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  const { output } = (await build({
    logLevel: 'silent',
    build: { write: false, minify: false },
  })) as Rolldown.RolldownOutput;
  const modules = output.flatMap((each) => (each.type === 'chunk' ? each.moduleIds : []));
  expect(modules.some((id) => id.endsWith('/stripe-form.tsx'))).toBe(true);
  expect(modules.filter((id) => id.includes('fake_stripe'))).toEqual([]);
  const built = output.map((each) => (each.type === 'chunk' ? each.code : String(each.source))).join('\n');
  const source = ts.sys
    .readDirectory(FAKE_STRIPE, ['.ts', '.tsx'])
    .map((name) => ts.sys.readFile(name))
    .join('\n');
  expect(MARKERS.filter((marker) => !source.includes(marker))).toEqual([]);
  const fakeCheck = ts.sys.readFile(FAKE_HUMAN_CHECK) ?? '';
  expect(CHECK_MARKERS.filter((marker) => !fakeCheck.includes(marker))).toEqual([]);
  expect(CHECK_MARKERS.filter((marker) => built.includes(marker))).toEqual([]);
  expect(built).toContain('https://challenges.cloudflare.com/turnstile/v0/api.js');
  expect(MARKERS.filter((marker) => built.includes(marker))).toEqual([]);
}, 120_000);
