import { expect, test } from 'vitest';

import { matches, readFilters, withFilters } from './film-filters';

const MOON = {
  title: 'A Trip to the Moon',
  original_title: 'Le Voyage dans la Lune',
  directors: ['Georges Méliès'],
  genres: ['science fiction', 'short'],
  language: 'zxx',
  certificate: 'PG',
  length_minutes: 14,
} satisfies Parameters<typeof matches>[0];

const fit = (query: string, film: Partial<Parameters<typeof matches>[0]> = {}) =>
  matches({ ...MOON, ...film }, readFilters(new URLSearchParams(query)));

test.each([
  ['', true],
  ['q=melies', true],
  ['q=MOON+voyage', true],
  ['q=moon+lubitsch', false],
  ['genre=short', true],
  ['genre=horror', false],
  ['language=de', false],
  ['certificate=U', false],
  ['certificate=12', true],
  ['length=short', true],
  ['length=long', false],
  ['certificate=sideways&length=endless', true],
])('%j fits: %s', (query, expected) => expect(fit(query)).toBe(expected));

test('signs do not matter', () => {
  expect(fit('q=hitchhiker', { title: 'The Hitch-Hiker' })).toBe(true);
  expect(fit('q=gullivers', { title: 'Gulliver’s Travels' })).toBe(true);
});

test.each([
  [45, 'short'],
  [46, 'feature'],
  [120, 'feature'],
  [121, 'long'],
])('%i minutes are %s', (length_minutes, length) => {
  expect(fit(`length=${length}`, { length_minutes })).toBe(true);
});

test('a changed filter leaves the rest of the address alone', () => {
  const query = new URLSearchParams('day=2026-12-02&genre=horror&from=newsletter');
  expect(withFilters(query, { genre: undefined, at: 'Vienna' }).toString()).toBe(
    'day=2026-12-02&from=newsletter&at=Vienna',
  );
});
