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

test('a human check is given as a whole or not at all', () => {
  const check = { VITE_HUMAN_CHECK: 'hcaptcha', VITE_HUMAN_CHECK_SITE_KEY: 'x' };
  expect(readEnv({ ...GOOD, ...check })).toMatchObject(check);
  expect(
    readEnv({ ...GOOD, VITE_HUMAN_CHECK: '', VITE_HUMAN_CHECK_SITE_KEY: '' }).VITE_HUMAN_CHECK,
  ).toBeUndefined();
  for (const name of Object.keys(check))
    expect(() => readEnv({ ...GOOD, ...check, [name]: '' })).toThrow(
      'VITE_HUMAN_CHECK and VITE_HUMAN_CHECK_SITE_KEY must be set together',
    );
  expect(() => readEnv({ ...GOOD, ...check, VITE_HUMAN_CHECK: 'recaptcha' })).toThrow(
    'must be turnstile or hcaptcha',
  );
});

test('only a widget of this machine may take the place of the provider’s', () => {
  const script = (url: string) => readEnv({ ...GOOD, VITE_HUMAN_CHECK_SCRIPT: url }).VITE_HUMAN_CHECK_SCRIPT;
  expect(script('http://127.0.0.1:12111/api.js')).toBe('http://127.0.0.1:12111/api.js');
  expect(() => script('https://widget.example/api.js')).toThrow(
    'VITE_HUMAN_CHECK_SCRIPT must be on this machine',
  );
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
