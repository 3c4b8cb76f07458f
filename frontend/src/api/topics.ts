import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';

import type { Database } from './database.types';

/** Of the database; what they carry is in docs and in sql/booking/broadcasts.sql. */
export type Topic = `${'showtime' | 'movie'}:${number}`;

export interface Listener {
  onEvent(event: string, payload: unknown): void;
  /** The topic is heard from now on, at first and after each pause: read again what may have been missed. */
  onJoined?(): void;
  /** The topic is not heard for now; it is joined again without being asked. */
  onLost?(): void;
}

export type Listen = (topic: Topic, listener: Listener) => () => void;

type Client = Pick<SupabaseClient<Database>, 'channel' | 'removeChannel'> & {
  realtime: Pick<SupabaseClient<Database>['realtime'], 'setAuth'>;
};

interface Joined {
  listeners: Set<Listener>;
  channel?: RealtimeChannel;
  heard: boolean;
}

/** Left so much later than the last listener, who is often back at once. */
const LEAVE_AFTER = 1_000;
const JOIN_AGAIN_AFTER = 5_000;

/** One channel for each topic, however many listen; supabase-js would give two listeners the same one and refuse the second. */
export function createTopics(supabase: Client): Listen {
  const topics = new Map<Topic, Joined>();
  const leaving = new Map<Topic, Promise<unknown>>();

  async function join(topic: Topic, joined: Joined): Promise<void> {
    await leaving.get(topic);
    // The join carries the token, so the token comes first. Without one the topic is heard as a guest.
    await supabase.realtime.setAuth().catch(() => undefined);
    if (topics.get(topic) !== joined) return;
    const channel = supabase.channel(topic, { config: { private: true } });
    joined.channel = channel;
    channel.on('broadcast', { event: '*' }, ({ event, payload }: { event: string; payload?: unknown }) => {
      joined.listeners.forEach((listener) => listener.onEvent(event, payload));
    });
    channel.subscribe((status: string) => {
      if (joined.channel !== channel) return;
      joined.heard = status === 'SUBSCRIBED';
      joined.listeners.forEach((listener) => (joined.heard ? listener.onJoined?.() : listener.onLost?.()));
      // After an error or a lost connection supabase-js joins again by itself, after being put out it does not.
      if (status === 'CLOSED') setTimeout(() => rejoin(topic, joined), JOIN_AGAIN_AFTER);
    });
  }

  function rejoin(topic: Topic, joined: Joined): void {
    if (topics.get(topic) !== joined) return;
    leave(topic, joined);
    topics.set(topic, joined);
    void join(topic, joined);
  }

  function leave(topic: Topic, joined: Joined): void {
    const { channel } = joined;
    topics.delete(topic);
    delete joined.channel;
    joined.heard = false;
    if (channel)
      leaving.set(
        topic,
        supabase.removeChannel(channel).catch(() => undefined),
      );
  }

  return (topic, listener) => {
    let joined = topics.get(topic);
    if (!joined) {
      joined = { listeners: new Set(), heard: false };
      topics.set(topic, joined);
      void join(topic, joined);
    }
    const { listeners } = joined;
    const own = joined;
    listeners.add(listener);
    if (joined.heard) listener.onJoined?.();
    return () => {
      listeners.delete(listener);
      setTimeout(() => {
        if (listeners.size === 0 && topics.get(topic) === own) leave(topic, own);
      }, LEAVE_AFTER);
    };
  };
}
