import ts from 'typescript';
import { build, type Rolldown } from 'vite';
import { expect, test, vi } from 'vitest';

const FAKE_STRIPE = '../dev/fake_stripe/page';

/** What only a form of our own has: raw card fields, test cards, and the folder it lives in. */
const MARKERS = ['cc-number', 'cc-csc', 'payment_method_data', '4242 4242', 'stand-in', 'Test cards'];

test('the page as it is built for production contains no card form of our own', async () => {
  const settings = {
    VITE_API_URL: 'https://api.frontrow.example',
    VITE_SUPABASE_URL: 'https://project.supabase.example',
    VITE_SUPABASE_ANON_KEY: 'sb_publishable_x',
    VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_x',
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
  expect(MARKERS.filter((marker) => built.includes(marker))).toEqual([]);
}, 120_000);
