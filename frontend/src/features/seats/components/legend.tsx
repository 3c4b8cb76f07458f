import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import { SEAT_KINDS, SEAT_STATES, type Seat, type SeatKind, type SeatState } from '../model/seat';
import { SeatShape } from './seat-shape';

interface LegendProps {
  seats: readonly Seat[];
  states: ReadonlyMap<number, SeatState>;
  currency: string;
}

/** The kinds of seats that this room has, with their prices, and the states. */
export function Legend({ seats, states, currency }: LegendProps) {
  const words = text.seats;
  const prices = new Map(seats.map(({ kind, price }) => [kind, price]));
  const anyBought = [...states.values()].includes('bought');
  return (
    <section aria-label={words.legend.title} className="mt-4 flex flex-col gap-3 text-sm">
      <ul className="flex flex-wrap gap-x-5 gap-y-2">
        {SEAT_KINDS.filter((kind) => prices.has(kind)).map((kind) => {
          const price = prices.get(kind) ?? null;
          return (
            <li key={kind} className="flex items-center gap-2">
              <Icon kind={kind} state="free" />
              {words.kinds[kind]}
              <span className="font-semibold tabular-nums">
                {price === null ? words.states.closed : formatMoney(price, currency)}
              </span>
            </li>
          );
        })}
      </ul>
      <ul className="flex flex-wrap gap-x-5 gap-y-2 text-muted">
        {SEAT_STATES.filter((state) => state !== 'bought' || anyBought).map((state) => (
          <li key={state} className="flex items-center gap-2">
            <Icon kind="standard" state={state} />
            {words.legend[state]}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Icon({ kind, state }: { kind: SeatKind; state: SeatState }) {
  return (
    <svg viewBox="-.5 -.5 1 1" aria-hidden="true" className="size-6 shrink-0">
      <SeatShape kind={kind} state={state} />
    </svg>
  );
}
