import type { ReactNode } from 'react';

import type { Palette } from '../palettes';
import type { Random } from '../random';

/** The sheet's width, and how much of its height a composition fills; the title takes the rest. */
export const WIDTH = 300;
export const HEIGHT = 310;

/** Draws on a ground that is laid already. The same random numbers give the same drawing. */
export type Composition = (random: Random, palette: Palette) => ReactNode;

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** The points of a polygon. */
export const points = (...places: (readonly [number, number])[]): string =>
  places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');

/** So many beams from a place outward, half of them drawn. */
export const beams = (x: number, y: number, count: number, turn = 0): string =>
  times(count, (index) => {
    const ray = (step: number) => {
      const angle = turn + (step * Math.PI) / count;
      return `${(x + 600 * Math.cos(angle)).toFixed(1)} ${(y + 600 * Math.sin(angle)).toFixed(1)}`;
    };
    return `M${x} ${y}L${ray(2 * index)}L${ray(2 * index + 1)}Z`;
  }).join('');
