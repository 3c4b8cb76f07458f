import { announce } from '@/shared/lib/announce';
import { SHORT, useMilestones } from '@/shared/lib/countdown';
import { formatCountdown } from '@/shared/lib/format';
import { text } from '@/shared/text';

/** `left` is in milliseconds, by the server's clock. */
export function Countdown({ left }: { left: number }) {
  const isShort = left <= SHORT;
  useMilestones(left, say);
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

const say = (minutes: number, seconds: number) => announce(text.checkout.left(minutes, seconds));
