import { SHORT } from '@/shared/lib/countdown';
import { formatCountdown } from '@/shared/lib/format';
import { text } from '@/shared/text';

import { useTimeLeft } from '../hooks/use-time-left';

/** How long the selection is still held. It is announced at a few milestones instead (useTimeLeft). */
export function TimeLeft({ expiresAt }: { expiresAt: number }) {
  const left = useTimeLeft(expiresAt);
  const short = left <= SHORT;
  return (
    <span
      role="timer"
      aria-live="off"
      aria-label={text.seats.panel.heldFor}
      title={short ? text.seats.panel.soon : text.seats.panel.heldFor}
      className={`inline-flex items-center gap-1.5 rounded-full px-3 py-1 font-semibold tabular-nums ${
        short ? 'bg-bad-ground text-bad' : 'bg-raised text-ink'
      }`}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4 fill-none stroke-current stroke-2">
        <circle cx="8" cy="9" r="5.5" />
        <path d="M8 6v3l2 1.5M6 1.5h4" strokeLinecap="round" />
      </svg>
      {formatCountdown(left)}
    </span>
  );
}
