import { expect, test } from 'vitest';

import { paths, safeReturn } from './paths';

test('signing in brings back to where one was', () => {
  const [, query] = paths.signIn('/showtimes/7?seats=1,2#row').split('?return=');
  expect(safeReturn(decodeURIComponent(query ?? ''))).toBe('/showtimes/7?seats=1,2#row');
});

test.each([
  null,
  '',
  'showtimes/7',
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example/',
  '/\t/evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/films/..//evil.example',
  '/%2e//evil.example',
  '/./\\evil.example',
  '/.\\\\evil.example',
  '/.\t//evil.example',
  'javascript:alert(1)',
])('but never to %j', (asked) => {
  expect(safeReturn(asked)).toBe('/');
});
