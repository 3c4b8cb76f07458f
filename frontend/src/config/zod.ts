import { config } from 'zod';

// Zod compiles its schemas with `new Function` where it may, and finds out by trying, which breaks the page's
// Content-Security-Policy once on every page. To be imported before anything that makes a schema.
config({ jitless: true });
