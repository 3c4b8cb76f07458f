import { expect, test } from 'vitest';

import { readFilters, withFilters } from './film-filters';

const read = (query: string) => readFilters(new URLSearchParams(query));

test('an address says what is looked for', () => {
  expect(
    read(
      'day=2026-12-02&at=Vienna&q=+moon+&genre=horror&language=de&certificate=12&length=long&sort=soonest',
    ),
  ).toEqual({
    day: '2026-12-02',
    at: 'Vienna',
    q: 'moon',
    genre: 'horror',
    language: 'de',
    certificate: '12',
    length: 'long',
    sort: 'soonest',
  });
});

test('what nobody can look for is looked for by nobody', () => {
  expect(Object.values(read('certificate=sideways&length=endless&sort=price&q=+')).filter(Boolean)).toEqual(
    [],
  );
  expect(read(`q=${'x'.repeat(200)}`).q).toHaveLength(100);
});

test('a changed filter leaves the rest of the address alone', () => {
  const query = new URLSearchParams('day=2026-12-02&genre=horror&from=newsletter');
  expect(withFilters(query, { genre: undefined, at: 'Vienna' }).toString()).toBe(
    'day=2026-12-02&from=newsletter&at=Vienna',
  );
});
