import { PALETTES, type Palette } from '../palettes';
import { arches } from './arches';
import { blinds } from './blinds';
import { duet } from './duet';
import { gentleman } from './gentleman';
import { leaningHouses } from './leaning-houses';
import { lens } from './lens';
import { paperCut } from './paper-cut';
import { rails } from './rails';
import { stage } from './stage';
import { towers } from './towers';
import type { Composition } from './types';

interface Style {
  genres: readonly string[];
  composition: Composition;
  palettes: readonly [Palette, ...Palette[]];
}

const { midnight, oxblood, emerald, kiosk, silver, plum, amber, lagoon, powder, seaside } = PALETTES;

/** What says most about a film comes first: The General is a comedy, but above all it goes by rail. */
const STYLES: readonly Style[] = [
  { genres: ['documentary'], composition: lens, palettes: [kiosk] },
  { genres: ['science fiction'], composition: towers, palettes: [midnight, emerald, lagoon] },
  { genres: ['horror'], composition: leaningHouses, palettes: [oxblood, plum, emerald, silver, midnight] },
  { genres: ['film noir', 'crime'], composition: blinds, palettes: [silver, midnight, amber] },
  { genres: ['western', 'action'], composition: rails, palettes: [amber, lagoon, oxblood] },
  { genres: ['history'], composition: arches, palettes: [silver, oxblood, midnight] },
  { genres: ['animation', 'fantasy'], composition: paperCut, palettes: [plum, lagoon, midnight, emerald] },
  { genres: ['thriller'], composition: blinds, palettes: [oxblood, emerald, plum] },
  { genres: ['music', 'romance'], composition: duet, palettes: [powder, plum, seaside, oxblood] },
  { genres: ['comedy'], composition: gentleman, palettes: [seaside, amber, powder, kiosk, lagoon] },
];
const OTHERS: Style = { genres: [], composition: stage, palettes: [oxblood, emerald, plum, midnight] };

export function styleFor(genres: readonly string[]): Style {
  return STYLES.find((style) => style.genres.some((genre) => genres.includes(genre))) ?? OTHERS;
}
