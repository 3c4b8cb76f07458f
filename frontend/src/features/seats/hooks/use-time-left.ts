import { announce } from '@/shared/lib/announce';
import { useNow } from '@/shared/lib/clock';
import { useMilestones } from '@/shared/lib/countdown';
import { text } from '@/shared/text';

/** The milliseconds until then by the server's clock, each second; announced at a few milestones. */
export function useTimeLeft(expiresAt: number): number {
  const left = expiresAt - useNow(1000);
  useMilestones(left, say);
  return left;
}

const say = (minutes: number, seconds: number) => announce(text.seats.said.left(minutes, seconds));
