import { useMemo } from 'react';

import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import type { Seat, SeatState } from '../model/seat';
import { rowsOf } from '../model/keyboard-nav';
import { SeatShape } from './seat-shape';

interface SeatListProps {
  seats: readonly Seat[];
  states: ReadonlyMap<number, SeatState>;
  currency: string;
  onChoose: (seat: Seat) => void;
}

/** The seats by row, for those who would rather read than look. */
export function SeatList({ seats, states, currency, onChoose }: SeatListProps) {
  const rows = useMemo(() => rowsOf(seats), [seats]);
  const words = text.seats;
  return (
    <section
      aria-label={words.list}
      className="max-h-[78dvh] min-h-72 overflow-auto rounded-card border border-line bg-surface px-4 py-2"
    >
      {rows.map((row) => (
        <section
          key={row.label}
          aria-label={words.rowOf(row.label)}
          className="border-b border-line py-3 last:border-0"
        >
          <h2 className="mb-2 font-semibold">{words.rowOf(row.label)}</h2>
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(4.5rem,1fr))] gap-2">
            {row.seats.map((seat) => {
              const state = states.get(seat.id) ?? 'free';
              const price = seat.price === null ? '' : formatMoney(seat.price, currency);
              const open = state === 'free' || state === 'mine';
              return (
                <li key={seat.id}>
                  <button
                    type="button"
                    aria-pressed={state === 'mine'}
                    aria-disabled={!open || undefined}
                    aria-label={words.label(
                      seat.row,
                      seat.number,
                      words.kinds[seat.kind],
                      price,
                      state === 'mine' ? '' : words.states[state],
                    )}
                    onClick={() => onChoose(seat)}
                    className="flex min-h-11 w-full items-center gap-1.5 rounded-lg border border-line px-2 tabular-nums hover:bg-raised aria-disabled:cursor-not-allowed aria-disabled:text-muted aria-pressed:border-accent"
                  >
                    <svg viewBox="-.5 -.5 1 1" aria-hidden="true" className="size-6 shrink-0">
                      <SeatShape kind={seat.kind} state={state} />
                    </svg>
                    {seat.number}
                  </button>
                </li>
              );
            })}
          </ul>
        </section>
      ))}
    </section>
  );
}
