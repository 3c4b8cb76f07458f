import type { SeatKind, SeatState } from '../model/seat';
import type { Half } from '../model/love-seats';

interface SeatShapeProps {
  kind: SeatKind;
  state: SeatState;
  half?: Half | undefined;
  number?: number | undefined;
}

const FILLS: Record<SeatState, string> = {
  free: 'fill-seat-free stroke-edge',
  mine: 'fill-seat-mine stroke-seat-mine',
  held: 'fill-seat-locked stroke-edge',
  booked: 'fill-seat-booked stroke-seat-booked',
  bought: 'fill-surface stroke-accent',
  closed: 'fill-none stroke-edge',
};

/** Half a seat's width, and a little room to the next one. */
const R = 0.42;

/** One seat around 0,0, a seat's width wide. States differ in shape as well as in colour. */
export function SeatShape({ kind, state, half, number }: SeatShapeProps) {
  return (
    <>
      <path
        d={outline(half)}
        className={FILLS[state]}
        strokeWidth={state === 'bought' ? 0.1 : 0.05}
        strokeDasharray={state === 'closed' ? '0.1 0.1' : undefined}
      />
      {kind === 'premium' && state !== 'booked' && (
        <path d="M-.22 .29H.22" className={ink(state)} strokeWidth=".07" strokeLinecap="round" />
      )}
      <Sign kind={kind} state={state} number={number} />
    </>
  );
}

function Sign({ kind, state, number }: Omit<SeatShapeProps, 'half'>) {
  switch (state) {
    case 'mine':
    case 'bought':
      return (
        <path
          d="M-.2 .01 -.06 .16 .21 -.16"
          className={`fill-none ${state === 'mine' ? 'stroke-on-accent' : 'stroke-accent'}`}
          strokeWidth=".11"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      );
    case 'booked':
      return <path d="M-.15 -.15 .15 .15M.15 -.15-.15 .15" className="stroke-muted" strokeWidth=".06" />;
    case 'held':
      return (
        <path
          d="M-.36 .06 .06 -.36M-.36 .36 .36 -.36M-.06 .36 .36 -.06"
          className="stroke-ink opacity-60"
          strokeWidth=".06"
        />
      );
    case 'free':
    case 'closed':
      return <Mark kind={kind} number={number} />;
  }
}

function Mark({ kind, number }: Pick<SeatShapeProps, 'kind' | 'number'>) {
  switch (kind) {
    case 'wheelchair':
      return (
        <g className="fill-none stroke-ink" strokeWidth=".065" strokeLinecap="round" strokeLinejoin="round">
          <circle cx="-.06" cy="-.25" r=".05" className="fill-ink" />
          <path d="M-.06-.13V.06H.12L.22 .25M-.06-.04H.1M-.14-.02A.17 .17 0 1 0 .1 .17" />
        </g>
      );
    case 'companion':
      return (
        <g className="fill-ink">
          <circle cy="-.13" r=".11" />
          <path d="M-.22 .24A.22 .2 0 0 1 .22 .24Z" />
        </g>
      );
    case 'love':
      return number === undefined ? (
        <path
          d="M0 .2C-.3 0-.22-.2-.1-.2-.03-.2 0-.13 0-.11 0-.13 .03-.2 .1-.2 .22-.2 .3 0 0 .2Z"
          className="fill-ink"
        />
      ) : (
        <Numeral of={number} />
      );
    case 'standard':
    case 'premium':
      return number === undefined ? null : <Numeral of={number} />;
  }
}

function Numeral({ of }: { of: number }) {
  return (
    <text
      y=".12"
      textAnchor="middle"
      className="fill-ink text-[0.34px] font-medium group-data-[small]/map:hidden"
    >
      {of}
    </text>
  );
}

const ink = (state: SeatState) => (state === 'mine' ? 'stroke-on-accent' : 'stroke-ink');

/** Rounder in front than behind; the halves of a love seat touch each other. */
function outline(half: Half | undefined): string {
  const left = half === 'right' ? -0.5 : -R;
  const right = half === 'left' ? 0.5 : R;
  const [tl, bl] = half === 'right' ? [0, 0] : [0.12, 0.2];
  const [tr, br] = half === 'left' ? [0, 0] : [0.12, 0.2];
  return (
    `M${left + tl} ${-R}H${right - tr}q${tr} 0 ${tr} ${tr}V${R - br}q0 ${br} ${-br} ${br}` +
    `H${left + bl}q${-bl} 0 ${-bl} ${-bl}V${-R + tl}q0 ${-tl} ${tl} ${-tl}Z`
  );
}
