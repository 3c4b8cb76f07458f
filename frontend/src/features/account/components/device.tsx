import { Button } from '@/shared/components/button';
import { formatDay, formatTime } from '@/shared/lib/format';
import { viewersZone } from '@/shared/lib/time-zone';
import { text } from '@/shared/text';

import type { OwnSession } from '../api/own-sessions';
import { deviceName } from '../lib/device-name';

interface DeviceProps {
  session: OwnSession;
  /** Milliseconds. */
  now: number;
  busy: boolean;
  onEnd: () => void;
}

/** A session as people know it: by the browser, and by when it was used. */
export function Device({ session, now, busy, onEnd }: DeviceProps) {
  const words = text.account.devices;
  const zone = viewersZone();
  const moment = (instant: string) => `${formatDay(instant, zone, now)}, ${formatTime(instant, zone)}`;
  const name = deviceName(session.user_agent);
  const since = moment(session.created_at);
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 py-3">
      <div>
        <p className="font-medium wrap-anywhere">{name}</p>
        <p className="text-sm text-muted">{words.since(since)}</p>
        <p className="text-sm text-muted">
          {session.current ? words.current : words.lastUsed(moment(session.last_used_at))}
        </p>
      </div>
      {!session.current && (
        <Button look="secondary" busy={busy} aria-label={words.endOf(name, since)} onClick={onEnd}>
          {words.end}
        </Button>
      )}
    </li>
  );
}
