import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { loadEnv } from 'vite';
import { defineConfig } from 'vitest/config';

import { isLoopback, readEnv, rejectUnknown } from './src/config/read-env.ts';

// Decoded: the folder may have a space in its name. What fileURLToPath does, without the types of Node.
const path = (relative: string) => decodeURIComponent(new URL(relative, import.meta.url).pathname);

// Stripe's own form, in every build but that of the local stack, which alone has another server in Stripe's place.
const STRIPE_FORM = path('./src/features/checkout/payment-form.ts');
const FAKE_STRIPE = path('../dev/fake_stripe/page');
const UNUSED_CLIENTS = path('./src/api/unused-clients.ts');
// With the query, or the development server would refuse to hand it out.
const COMMON_PASSWORDS = `${path('../backend/common_passwords.txt')}?raw`;

/** Tests of what needs a window; all others run without one. */
const IN_A_DOM = [
  'src/**/*.test.tsx',
  '../dev/fake_stripe/page/**/*.test.tsx',
  'src/api/flask.test.ts',
  'src/features/checkout/lib/client-secret.test.ts',
  'src/features/seats/model/announcements.test.ts',
  'src/features/seats/model/held-seats.test.ts',
  'src/shared/lib/clock.test.ts',
];

export default defineConfig(({ command, mode }) => {
  const settings = loadEnv(mode, '.');
  // What is built is public: a secret key must not get that far.
  if (command === 'build') {
    readEnv(settings);
    rejectUnknown(settings);
  }
  return {
    plugins: [react(), tailwindcss()],
    resolve: {
      tsconfigPaths: true,
      alias: {
        '@payment-form': isLoopback(settings.VITE_STRIPE_API_BASE) ? `${FAKE_STRIPE}/index.tsx` : STRIPE_FORM,
        '@common-passwords': COMMON_PASSWORDS,
        // Those of dev/fake_stripe/page, whose folder is outside this one.
        '@/': path('./src/'),
        // Flask signs people in, and there are no files and no Edge Functions: what these weigh, nobody has to fetch.
        '@supabase/auth-js': UNUSED_CLIENTS,
        '@supabase/storage-js': UNUSED_CLIENTS,
        '@supabase/functions-js': UNUSED_CLIENTS,
      },
      dedupe: ['react', 'react-dom', 'vitest', '@testing-library/react', '@testing-library/user-event'],
    },
    server: { fs: { allow: ['.', FAKE_STRIPE, COMMON_PASSWORDS] } },
    test: {
      pool: 'threads',
      // To start a worker and a DOM for each file took twice as long as the tests; src/test/setup.ts cleans up between files.
      isolate: false,
      testTimeout: 20_000,
      restoreMocks: true,
      unstubGlobals: true,
      unstubEnvs: true,
      env: {
        TZ: 'Europe/London',
        VITE_API_URL: 'https://api.test',
        VITE_SUPABASE_URL: 'https://supabase.test',
        VITE_SUPABASE_ANON_KEY: 'sb_publishable_test',
        VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_frontrow',
      },
      projects: [
        {
          extends: true,
          test: {
            name: 'dom',
            environment: 'jsdom',
            include: IN_A_DOM,
            setupFiles: ['src/test/setup.ts'],
          },
        },
        {
          extends: true,
          test: {
            name: 'node',
            environment: 'node',
            include: ['src/**/*.test.ts', '../dev/fake_stripe/page/**/*.test.ts'],
            exclude: IN_A_DOM,
          },
        },
      ],
    },
  };
});
