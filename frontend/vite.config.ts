import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
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
});
