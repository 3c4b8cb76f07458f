const NAME = 'frontrow.cross-tab';

/** Between the tabs of one browser, and so of one session: no server is involved. */
const channel = new BroadcastChannel(NAME);

/**
 * Notify the other tabs that this viewer changed something at a showtime. Events of the database never say whose a lock
 * is, so without this a tab would show what another tab holds as held by someone else.
 */
export function notifyOtherTabs(showtimeId: number): void {
  channel.postMessage(showtimeId);
}

/** Listen for such changes in other tabs until the returned function is called. */
export function onOtherTabChange(showtimeId: number, listener: () => void): () => void {
  const onMessage = ({ data }: MessageEvent<unknown>) => {
    if (data === showtimeId) listener();
  };
  channel.addEventListener('message', onMessage);
  return () => channel.removeEventListener('message', onMessage);
}
