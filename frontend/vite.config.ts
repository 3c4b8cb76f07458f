import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { loadEnv } from 'vite';
import { defineConfig } from 'vitest/config';

import { readEnv, rejectUnknown } from './src/config/read-env.ts';

export default defineConfig(({ command, mode }) => {
  // What is built is public: a secret key must not get that far.
  if (command === 'build') {
    const settings = loadEnv(mode, '.');
    readEnv(settings);
    rejectUnknown(settings);
  }
  return {
    plugins: [react(), tailwindcss()],
    resolve: {
      tsconfigPaths: true,
      // Flask signs people in: what GoTrue's client weighs, nobody has to fetch.
      alias: { '@supabase/auth-js': new URL('./src/api/no-auth.ts', import.meta.url).pathname },
    },
    test: {
      environment: 'jsdom',
      setupFiles: ['src/test/setup.ts'],
      testTimeout: 20_000,
      restoreMocks: true,
      unstubGlobals: true,
      env: {
        TZ: 'Europe/London',
        VITE_API_URL: 'https://api.test',
        VITE_SUPABASE_URL: 'https://supabase.test',
        VITE_SUPABASE_ANON_KEY: 'sb_publishable_test',
        VITE_STRIPE_PUBLISHABLE_KEY: 'pk_test_frontrow',
      },
    },
  };
});
