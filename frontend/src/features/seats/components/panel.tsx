import { useId, useState } from 'react';

import { Button } from '@/shared/components/button';
import { formatMoney } from '@/shared/lib/format';
import { text } from '@/shared/text';

import { seatName, type Seat } from '../model/seat';
import { TimeLeft } from './time-left';

interface PanelProps {
  /** What the viewer has chosen. */
  chosen: readonly Seat[];
  currency: string;
  /** By the server's clock; undefined until the server has confirmed a seat. */
  expiresAt: number | undefined;
  /** A booking of these seats waits for its payment: they are released there, not here. */
  pending: boolean;
  continuing: boolean;
  onRelease: (seats: readonly Seat[]) => void;
  onContinue: () => void;
}

/** The chosen seats: at the side, and on a phone a sheet at the bottom that opens to show them one by one. */
export function Panel(props: PanelProps) {
  const { chosen, currency, expiresAt, pending, continuing, onRelease, onContinue } = props;
  const [open, setOpen] = useState(false);
  const id = useId();
  const words = text.seats.panel;
  const total = formatMoney(
    chosen.reduce((sum, { price }) => sum + (price ?? 0), 0),
    currency,
  );
  if (chosen.length === 0) {
    return (
      <section aria-labelledby={id} className="rounded-card border border-line bg-surface p-4 lg:p-5">
        <h2 id={id} className="font-display text-2xl max-lg:sr-only">
          {words.title}
        </h2>
        <p className="text-muted lg:mt-2">{words.empty}</p>
      </section>
    );
  }
  return (
    <section
      aria-labelledby={id}
      className="fixed inset-x-0 bottom-0 z-10 max-h-[70dvh] overflow-auto rounded-t-card border border-line bg-surface p-4 pb-[max(1rem,env(safe-area-inset-bottom))] shadow-[0_-8px_24px_#0003] lg:static lg:max-h-none lg:rounded-card lg:p-5 lg:shadow-none"
    >
      <div className="relative flex min-h-11 items-center justify-between gap-3">
        <h2 id={id} className="hidden font-display text-2xl lg:block">
          {words.title}
        </h2>
        <button
          type="button"
          aria-expanded={open}
          aria-label={open ? words.hide : words.show}
          onClick={() => setOpen(!open)}
          className="-ml-3 grid size-11 place-items-center after:absolute after:inset-0 lg:hidden"
        >
          <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4 fill-none stroke-current stroke-2">
            <path d={open ? 'M3 6l5 5 5-5' : 'M3 10l5-5 5 5'} />
          </svg>
        </button>
        <p className="mr-auto -ml-2 font-semibold lg:hidden">
          {words.count(chosen.length)} · {total}
        </p>
        {expiresAt !== undefined && <TimeLeft expiresAt={expiresAt} />}
      </div>
      <div className={open ? '' : 'max-lg:hidden'}>
        <ul className="mt-2 divide-y divide-line">
          {chosen.map((seat) => (
            <li key={seat.id} className="flex min-h-12 items-center gap-3">
              <span className="w-12 font-semibold">{seatName(seat)}</span>
              <span className="flex-1 text-muted">{text.seats.kinds[seat.kind]}</span>
              <span className="tabular-nums">{formatMoney(seat.price ?? 0, currency)}</span>
              {!pending && (
                <button
                  type="button"
                  aria-label={words.release(seatName(seat))}
                  onClick={() => onRelease([seat])}
                  className="-mr-3 grid size-11 place-items-center rounded-full text-xl text-muted hover:bg-raised hover:text-ink"
                >
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
        <p className="flex justify-between border-t border-edge py-3 text-lg font-semibold">
          {words.total}
          <span className="tabular-nums">{total}</span>
        </p>
      </div>
      {!pending && (
        <div className="mt-1 flex flex-col items-center gap-1">
          <Button busy={continuing} onClick={onContinue} className="w-full">
            {words.continue}
          </Button>
          <Button look="quiet" onClick={() => onRelease(chosen)} className={open ? '' : 'max-lg:hidden'}>
            {words.releaseAll}
          </Button>
        </div>
      )}
    </section>
  );
}
