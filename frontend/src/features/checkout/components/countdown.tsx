import { useEffect } from 'react';

import { announce } from '@/shared/lib/announce';
import { formatCountdown } from '@/shared/lib/format';
import { text } from '@/shared/text';

const MINUTE = 60_000;

/** `left` is in milliseconds, by the server's clock. */
export function Countdown({ left }: { left: number }) {
  const isShort = left <= MINUTE;
  useEffect(() => {
    if (isShort) announce(text.checkout.minuteLeft);
  }, [isShort]);
  return (
    <p
      role="timer"
      className={`flex items-baseline justify-between gap-4 rounded-card border px-4 py-3 ${isShort ? 'border-warn bg-warn-ground text-warn' : 'border-line bg-raised'}`}
    >
      {text.checkout.timeLeft}
      <span className="text-2xl font-semibold tabular-nums">{formatCountdown(left)}</span>
    </p>
  );
}
