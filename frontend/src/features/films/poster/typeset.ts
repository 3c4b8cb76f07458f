export interface Line {
  text: string;
  /** What the line shall measure, whichever font the reader has. */
  width: number;
}

export interface Typeset {
  size: number;
  lines: Line[];
}

interface Box {
  width: number;
  height: number;
  /** The largest size that is not coarse. */
  largest: number;
}

export const LEADING = 1.08;
const MOST_LINES = 4;

/** Sets a title in capitals as large as the box allows, its lines as even as the words allow. */
export function typeset(title: string, { width, height, largest }: Box): Typeset {
  const words = title.toLocaleUpperCase('en').split(/\s+/).filter(Boolean);
  let best: Typeset = { size: 0, lines: [] };
  for (let count = 1; count <= Math.min(MOST_LINES, words.length); count += 1) {
    const lines = evenly(words, count);
    const widest = Math.max(...lines.map(ems));
    const size = Math.min(largest, width / widest, height / (count * LEADING));
    // A line more must be worth it.
    if (size > best.size * 1.05)
      best = { size, lines: lines.map((text) => ({ text, width: ems(text) * size })) };
  }
  return best;
}

/** The words in so many lines that the widest is as narrow as can be. */
function evenly(words: readonly string[], count: number): string[] {
  if (count === 1) return [words.join(' ')];
  let best: string[] = [];
  let narrowest = Infinity;
  for (let taken = 1; taken <= words.length - count + 1; taken += 1) {
    const lines = [words.slice(0, taken).join(' '), ...evenly(words.slice(taken), count - 1)];
    const widest = Math.max(...lines.map(ems));
    if (widest < narrowest) [best, narrowest] = [lines, widest];
  }
  return best;
}

/** About the width of capitals in a bold serif, in ems. */
function ems(text: string): number {
  let width = 0;
  for (const letter of text) width += widthOf(letter);
  return width;
}

function widthOf(letter: string): number {
  if (/[MW]/.test(letter)) return 1.02;
  if (/[IJ]/.test(letter)) return 0.48;
  if (/[\s.,:;!'’-]/.test(letter)) return 0.34;
  return 0.78;
}
