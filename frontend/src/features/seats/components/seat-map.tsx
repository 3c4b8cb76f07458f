import { useMemo, useState, type KeyboardEvent, type MouseEvent } from 'react';

import { announce } from '@/shared/lib/announce';
import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import { useZoom } from '../hooks/use-zoom';
import { halvesOf } from '../model/love-seats';
import { auditoriumLayout } from '../model/auditorium-layout';
import type { Seat, SeatState } from '../model/seat';
import { rowsOf, seatInDirection } from '../model/keyboard-nav';
import { SeatCell } from './seat-cell';
import { ZoomButtons } from './zoom-buttons';

interface SeatMapProps {
  seats: readonly Seat[];
  states: ReadonlyMap<number, SeatState>;
  currency: string;
  onChoose: (seat: Seat) => void;
}

/** A finger that taps something smaller means the place, not the seat. */
const TOO_SMALL_TO_TAP = 26;
const TOO_SMALL_TO_READ = 20;
/** Larger than that no seat is drawn before zooming in; in rem. */
const LARGEST_SEAT = 2.75;

export function SeatMap({ seats, states, currency, onChoose }: SeatMapProps) {
  const rows = useMemo(() => rowsOf(seats), [seats]);
  const halves = useMemo(() => halvesOf(rows), [rows]);
  const byId = useMemo(() => new Map(seats.map((seat) => [seat.id, seat])), [seats]);
  const prices = useMemo(
    () => new Map(seats.map(({ price }) => [price, price === null ? '' : formatMoney(price, currency)])),
    [seats, currency],
  );
  const room = useMemo(() => auditoriumLayout(seats), [seats]);
  const [frame, zoom] = useZoom(room.width);
  const [reached, setReached] = useState<number>();
  const tabStop = reached !== undefined && byId.has(reached) ? reached : rows[0]?.seats[0]?.id;
  const ratio = room.width / room.height;

  const seatAt = (target: EventTarget) => {
    const id = target instanceof Element ? target.closest('[data-seat]')?.getAttribute('data-seat') : null;
    return byId.get(Number(id));
  };

  function onClick(event: MouseEvent) {
    const byFinger = 'pointerType' in event.nativeEvent && event.nativeEvent.pointerType === 'touch';
    if (byFinger && zoom.seatWidth < TOO_SMALL_TO_TAP) {
      zoom.zoomToSeat({ x: event.clientX, y: event.clientY });
      announce(text.seats.said.zoomed);
      return;
    }
    const seat = seatAt(event.target);
    if (seat) onChoose(seat);
  }

  function onKeyDown(event: KeyboardEvent) {
    const seat = seatAt(event.target);
    if (!seat || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onChoose(seat);
      return;
    }
    const next = seatInDirection(rows, seat.id, event.key, event.ctrlKey);
    if (!next) return;
    event.preventDefault();
    setReached(next.id);
    frame.current?.querySelector<SVGElement>(`[data-seat="${next.id}"]`)?.focus();
  }

  return (
    <div>
      <div
        ref={frame}
        className={`flex min-h-72 w-full touch-pan-x touch-pan-y overscroll-x-contain rounded-card border border-line bg-surface ${zoom.zoom === 1 ? 'overflow-hidden' : 'overflow-auto'}`}
        style={{ aspectRatio: ratio, maxHeight: `min(78dvh, ${room.height * LARGEST_SEAT}rem)` }}
      >
        <svg
          role="grid"
          aria-label={text.seats.map}
          aria-multiselectable="true"
          viewBox={`${room.left} ${room.top} ${room.width} ${room.height}`}
          data-small={zoom.seatWidth > 0 && zoom.seatWidth < TOO_SMALL_TO_READ ? '' : undefined}
          className="group/map m-auto shrink-0 select-none"
          style={{
            aspectRatio: ratio,
            width: `calc(${zoom.zoom} * min(100%, 78dvh * ${ratio}, ${room.width * LARGEST_SEAT}rem))`,
          }}
          onClick={onClick}
          onKeyDown={onKeyDown}
          onFocus={(event) => setReached(seatAt(event.target)?.id)}
        >
          <g aria-hidden="true">
            <path
              d={room.screen}
              className="fill-none stroke-accent"
              strokeWidth=".14"
              strokeLinecap="round"
            />
            <text
              x={room.middle}
              y={room.top + 1.55}
              textAnchor="middle"
              className="fill-muted text-[0.6px] tracking-widest uppercase"
            >
              {text.seats.screen}
            </text>
            {room.labels.map(({ label, x, y }) => (
              <text
                key={`${label} ${x}`}
                x={x}
                y={y + 0.17}
                textAnchor="middle"
                className="fill-muted text-[0.48px]"
              >
                {label}
              </text>
            ))}
          </g>
          {rows.map((row) => (
            <g key={row.label} role="row" aria-label={text.seats.rowOf(row.label)}>
              {row.seats.map((seat) => (
                <SeatCell
                  key={seat.id}
                  seat={seat}
                  state={states.get(seat.id) ?? 'free'}
                  half={halves.get(seat.id)}
                  price={prices.get(seat.price) ?? ''}
                  reached={seat.id === tabStop}
                />
              ))}
            </g>
          ))}
        </svg>
      </div>
      <div className="mt-2 flex justify-end">
        <ZoomButtons {...zoom} />
      </div>
    </div>
  );
}
