import { render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';

import { Poster } from './poster';
import { typeset } from './typeset';

const film = {
  slug: 'metropolis',
  title: 'Metropolis',
  release_year: 1927,
  directors: ['Fritz Lang'],
  genres: ['science fiction'],
};
const BOX = { width: 248, height: 78, largest: 42 };

test('a film has one poster, another film another', () => {
  const drawn = (slug: string) => render(<Poster film={{ ...film, slug }} />).container.innerHTML;
  expect(drawn('metropolis')).toBe(drawn('metropolis'));
  expect(drawn('metropolis')).not.toBe(drawn('faust'));
});

test('it is an image with a name only where it is given one', () => {
  render(<Poster film={film} label="Poster of Metropolis" />);
  expect(screen.getByRole('img', { name: 'Poster of Metropolis' })).toBeVisible();
  render(<Poster film={film} />);
  expect(screen.getAllByRole('img')).toHaveLength(1);
});

test.each([
  'M',
  'The Seashell and the Clergyman',
  'The Adventures of Prince Achmed',
  'Supercalifragilisticexpialidocious',
  'Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb',
])('%s fits', (title) => {
  const { size, lines } = typeset(title, BOX);
  expect(lines.map((line) => line.text).join(' ')).toBe(title.toUpperCase());
  expect(Math.max(...lines.map((line) => line.width))).toBeLessThanOrEqual(BOX.width + 0.01);
  expect(lines.length * size).toBeLessThanOrEqual(BOX.height);
  expect(size).toBeGreaterThan(8);
});
