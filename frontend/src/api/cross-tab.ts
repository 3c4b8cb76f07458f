const NAME = 'frontrow.own-changes';

/** Between the tabs of one browser, and so of one session: no server hears it. */
const channel = new BroadcastChannel(NAME);

/**
 * Tell the other tabs that this viewer changed something at a showtime. Events of the database never say whose a lock
 * is, so without this a tab would show what another tab holds as held by somebody else.
 */
export function notifyOtherTabs(showtimeId: number): void {
  channel.postMessage(showtimeId);
}

/** Hear of such changes in other tabs until the answered function is called. */
export function onOtherTabChange(showtimeId: number, listener: () => void): () => void {
  const hear = ({ data }: MessageEvent<unknown>) => {
    if (data === showtimeId) listener();
  };
  channel.addEventListener('message', hear);
  return () => channel.removeEventListener('message', hear);
}
