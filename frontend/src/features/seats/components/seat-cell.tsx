import { memo } from 'react';

import { text } from '@/shared/text';

import type { Half } from '../model/love-seats';
import type { Seat, SeatState } from '../model/seat';
import { SeatShape } from './seat-shape';

interface SeatCellProps {
  seat: Seat;
  state: SeatState;
  half: Half | undefined;
  /** Formatted; empty when the seat is not for sale. */
  price: string;
  /** Tab leads to this seat, as to one of the map. */
  reached: boolean;
}

/** One seat on the map. Renders again only when it is another; the map listens for it. */
export const SeatCell = memo(function SeatCell({ seat, state, half, price, reached }: SeatCellProps) {
  const { kinds, label, states } = text.seats;
  return (
    <g
      role="gridcell"
      data-seat={seat.id}
      tabIndex={reached ? 0 : -1}
      aria-selected={state === 'mine'}
      aria-disabled={(state !== 'free' && state !== 'mine') || undefined}
      aria-label={label(seat.row, seat.number, kinds[seat.kind], price, states[state])}
      transform={`translate(${seat.x} ${seat.y})`}
      className={`group/seat outline-none ${state === 'free' || state === 'mine' ? 'cursor-pointer' : 'cursor-not-allowed'}`}
    >
      <SeatShape kind={seat.kind} state={state} half={half} number={seat.number} />
      <rect
        x="-.5"
        y="-.5"
        width="1"
        height="1"
        rx=".2"
        fill="transparent"
        strokeWidth=".09"
        className="group-hover/seat:stroke-edge group-focus-visible/seat:stroke-accent"
      />
    </g>
  );
});
