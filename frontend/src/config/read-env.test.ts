import { expect, test } from 'vitest';

import { readEnv } from './read-env';

const GOOD = {
  VITE_API_URL: 'https://api.frontrow.example/',
  VITE_SUPABASE_URL: 'http://127.0.0.1:54321',
  VITE_SUPABASE_ANON_KEY: 'sb_publishable_x',
  VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_x',
};

test('addresses lose the slash at their end', () => {
  expect(readEnv(GOOD)).toEqual({ ...GOOD, VITE_API_URL: 'https://api.frontrow.example' });
});

test('an empty Stripe address is none', () => {
  expect(readEnv({ ...GOOD, VITE_STRIPE_API_BASE: '' }).VITE_STRIPE_API_BASE).toBeUndefined();
});

test('a live key is for Stripe alone', () => {
  const live = { ...GOOD, VITE_STRIPE_PUBLISHABLE_KEY: 'pk_live_x' };
  expect(readEnv(live).VITE_STRIPE_PUBLISHABLE_KEY).toBe('pk_live_x');
  expect(() => readEnv({ ...live, VITE_STRIPE_API_BASE: 'http://127.0.0.1:12111' })).toThrow(
    /^The page is not set up: VITE_STRIPE_API_BASE must not be set beside a live key/,
  );
});

test('all that is wrong is named at once', () => {
  const bad = {
    VITE_SUPABASE_URL: 'ftp://x',
    VITE_SUPABASE_ANON_KEY: '',
    VITE_STRIPE_PUBLISHABLE_KEY: 'sk_live_x',
    VITE_STRIPE_API_BASE: 'x',
  };
  for (const name of ['VITE_API_URL must be set', ...Object.keys(bad)])
    expect(() => readEnv(bad)).toThrow(name);
});

const base64url = (text: string) => btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const jwt = (claims: unknown) => ['{"alg":"HS256"}', JSON.stringify(claims), 'ÿ?'].map(base64url).join('.');

test('an older key is of anon', () => {
  const key = jwt({ iss: 'supabase', role: 'anon', name: 'ÿ?>' });
  expect(key).toMatch(/^ey/);
  expect(readEnv({ ...GOOD, VITE_SUPABASE_ANON_KEY: key }).VITE_SUPABASE_ANON_KEY).toBe(key);
});

test.each([
  'sb_secret_x',
  jwt({ iss: 'supabase', role: 'service_role' }),
  jwt({ role: ['anon'] }),
  jwt(null),
  'eyJ.x',
  'ey',
])('a secret key is refused, and not repeated: %s', (key) => {
  expect(() => readEnv({ ...GOOD, VITE_SUPABASE_ANON_KEY: key })).toThrow(
    /^The page is not set up: VITE_SUPABASE_ANON_KEY must be a publishable key \(sb_publishable_\.\.\.\) or an anon JWT\.$/,
  );
});
