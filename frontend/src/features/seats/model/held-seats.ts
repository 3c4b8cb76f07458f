import { z } from 'zod';

import { createStore } from '@/shared/lib/store';

const schema = z.array(
  z.object({
    showtimeId: z.number(),
    userId: z.string(),
    title: z.string(),
    /** By the server's clock, in milliseconds. */
    expiresAt: z.number(),
    seats: z.array(z.string()),
    /** Where they wait to be paid for. */
    bookingId: z.string().optional(),
  }),
);

export type HeldSelection = z.output<typeof schema>[number];

const KEY = 'frontrow.held-seats';

/** The selections that were left behind on maps, in all tabs of this browser. */
const held = createStore<readonly HeldSelection[]>(stored());

addEventListener('storage', ({ key }) => {
  if (key === KEY) held.set(stored());
});

export const heldSeats: Pick<typeof held, 'get' | 'subscribe'> = held;

export function rememberHeld(selection: HeldSelection): void {
  write([...othersThan(selection.showtimeId), selection]);
}

/** With `seats`, only a selection of nothing but those: the viewer may hold others by now. */
export function forgetHeld(showtimeId: number, seats?: readonly string[]): void {
  const selection = held.get().find((each) => each.showtimeId === showtimeId);
  if (selection && (!seats || selection.seats.every((seat) => seats.includes(seat))))
    write(othersThan(showtimeId));
}

/** What one viewer held is another's from now on. */
export function passHeldOn(from: string, to: string): void {
  if (held.get().some(({ userId }) => userId === from))
    write(held.get().map((each) => (each.userId === from ? { ...each, userId: to } : each)));
}

/** The selection of that user, or of any, that ends first. */
export function firstToEnd(
  all: readonly HeldSelection[],
  userId: string | undefined,
  now: number,
): HeldSelection | undefined {
  return all
    .filter((selection) => (userId ?? selection.userId) === selection.userId && selection.expiresAt > now)
    .sort((a, b) => a.expiresAt - b.expiresAt)[0];
}

function othersThan(showtimeId: number): HeldSelection[] {
  return held.get().filter((selection) => selection.showtimeId !== showtimeId);
}

function write(selections: HeldSelection[]): void {
  held.set(selections);
  try {
    localStorage.setItem(KEY, JSON.stringify(selections));
  } catch {
    // Storage is forbidden here: the way back lasts as long as the page.
  }
}

function stored(): HeldSelection[] {
  try {
    return schema.parse(JSON.parse(localStorage.getItem(KEY) ?? '[]'));
  } catch {
    return [];
  }
}
