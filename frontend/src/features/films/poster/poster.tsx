import { memo } from 'react';

import { text } from '@/shared/text';

import { formatList } from '../lib/names';
import { styleFor } from './compositions';
import { HEIGHT, WIDTH } from './compositions/types';
import type { Palette } from './palettes';
import { createRandom } from './random';
import { LEADING, typeset } from './typeset';

const SHEET = 450;
const PANEL = SHEET - HEIGHT;
const TITLE = { width: 248, height: 78, largest: 42 };

/** Of capitals, in their own size, with the space between them. */
const CREDITS_WIDTH = 310;

export interface PosterFacts {
  slug: string;
  title: string;
  release_year: number;
  directors: string[];
  genres: string[];
}

interface PosterProps {
  film: PosterFacts;
  /** Say what it is, where the title does not stand beside it. */
  label?: string;
  className?: string;
}

/** Draws a film's poster from its facts: always the same for a film, and fetched from nowhere. */
export const Poster = memo(function Poster({ film, label, className = '' }: PosterProps) {
  const random = createRandom(film.slug);
  const { composition, palettes } = styleFor(film.genres);
  const palette = random.pick(palettes);
  const titleAbove = random.pick([true, false, false]);
  const drawing = composition(random, palette);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${SHEET}`}
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
      className={`aspect-2/3 h-auto w-full rounded-md shadow-md select-none ${className}`}
    >
      <rect width={WIDTH} height={SHEET} fill={palette.ground} />
      <g transform={titleAbove ? `translate(0 ${PANEL})` : undefined}>{drawing}</g>
      <g transform={titleAbove ? undefined : `translate(0 ${HEIGHT})`}>
        <Panel film={film} palette={palette} />
      </g>
      <rect
        x={7}
        y={7}
        width={WIDTH - 14}
        height={SHEET - 14}
        fill="none"
        stroke={palette.onPanel}
        strokeWidth={1.5}
        opacity={0.55}
      />
    </svg>
  );
});

function Panel({ film, palette }: { film: PosterFacts; palette: Palette }) {
  const { size, lines } = typeset(film.title, TITLE);
  const block = lines.length * size * LEADING;
  const credit = credits(film);
  const middle = WIDTH / 2;
  const first = 18 + (TITLE.height - block) / 2 + size * 0.82;
  return (
    <>
      <rect y={-0.5} width={WIDTH} height={PANEL + 1} fill={palette.panel} />
      <g fill={palette.onPanel} textAnchor="middle">
        <g className="font-display" fontWeight={700} fontSize={size.toFixed(2)}>
          {lines.map((line, index) => (
            <text
              key={index}
              x={middle}
              y={(first + index * size * LEADING).toFixed(1)}
              textLength={line.width.toFixed(1)}
              lengthAdjust="spacingAndGlyphs"
            >
              {line.text}
            </text>
          ))}
        </g>
        <path
          d={`M${middle - 70} 104h56m28 0h56M${middle} 99l5 5l-5 5l-5 -5Z`}
          stroke={palette.onPanel}
          strokeWidth={1}
          opacity={0.8}
        />
        <text
          x={middle}
          y={124}
          className="font-sans"
          fontSize={Math.min(10.5, CREDITS_WIDTH / credit.length).toFixed(2)}
          letterSpacing={1}
          opacity={0.9}
        >
          {credit}
        </text>
      </g>
    </>
  );
}

function credits({ directors, release_year }: PosterFacts): string {
  const [first = '', ...others] = directors;
  // Three names and more do not fit on the line.
  const names = others.length > 1 ? `${first} …` : formatList(directors);
  return `${text.films.poster.by} ${names} · ${release_year}`.toLocaleUpperCase(text.locale);
}
