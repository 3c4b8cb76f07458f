import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js';

import { fullJitter } from './backoff';
import type { Database } from './database.types';

/** What they carry is in docs and in sql/booking/broadcasts.sql. */
export type Topic = `${'showtime' | 'movie'}:${number}`;

export interface Listener {
  onEvent(event: string, payload: unknown): void;
  /** Events arrive from now on, at first and after each pause: read again what may have been missed. */
  onJoined?(): void;
  /** No events arrive for now; the topic is joined again without being asked. */
  onLost?(): void;
}

export type Listen = (topic: Topic, listener: Listener) => () => void;

type Client = Pick<SupabaseClient<Database>, 'channel' | 'removeChannel'> & {
  realtime: Pick<SupabaseClient<Database>['realtime'], 'setAuth' | 'isConnected'>;
};

interface Membership {
  listeners: Set<Listener>;
  channel?: RealtimeChannel;
  live: boolean;
  /** Events were missed: the listeners read again once the topic is joined. */
  interrupted: boolean;
  /** Attempts in a row that ended in being thrown out. */
  failures: number;
  /** The one step that is planned: to join, to go live, or to forget the failures. */
  timer?: ReturnType<typeof setTimeout>;
}

/** Left so much later than the last listener, who is often back at once. */
const LEAVE_AFTER = 1_000;

const REJOIN = { base: 2_000, cap: 30_000 };
/** Reads after a rejoin are spread over so long, and spared altogether if the channel is closed again meanwhile. */
const READ_WITHIN = 2_000;
/** A channel that was joined for so long is no longer thrown out for what went before. */
const STABLE_AFTER = 10_000;

/** One channel for each topic, however many listen; supabase-js would give two listeners the same one and refuse the second. */
export function createTopics(supabase: Client): Listen {
  const topics = new Map<Topic, Membership>();
  const leaving = new Map<Topic, Promise<unknown>>();

  async function join(topic: Topic, membership: Membership): Promise<void> {
    await leaving.get(topic);
    // The join carries the token, so the token comes first. Without one the topic is joined as a guest.
    await supabase.realtime.setAuth().catch(() => undefined);
    if (topics.get(topic) !== membership) return;
    const channel = supabase.channel(topic, { config: { private: true } });
    membership.channel = channel;
    const isCurrent = () => membership.channel === channel;
    channel.on('broadcast', { event: '*' }, ({ event, payload }: { event: string; payload?: unknown }) => {
      membership.listeners.forEach((listener) => listener.onEvent(event, payload));
    });
    // Above its plan's rate the server says so, and closes the channel or not.
    channel.on('system', {}, ({ status }: { status?: unknown }) => {
      if (isCurrent() && status === 'error') lose(topic, membership);
    });
    channel.subscribe((status: string) => {
      if (!isCurrent()) return;
      if (status === 'SUBSCRIBED') subscribed(membership);
      // Without a connection supabase-js joins again by itself as soon as there is one.
      else if (status !== 'CLOSED' && !supabase.realtime.isConnected()) interrupt(membership);
      else lose(topic, membership);
    });
  }

  function subscribed(membership: Membership): void {
    if (membership.interrupted) plan(membership, Math.random() * READ_WITHIN, () => goLive(membership));
    else goLive(membership);
  }

  function goLive(membership: Membership): void {
    membership.live = true;
    membership.interrupted = false;
    membership.listeners.forEach((listener) => listener.onJoined?.());
    plan(membership, STABLE_AFTER, () => (membership.failures = 0));
  }

  function interrupt(membership: Membership): void {
    clearTimeout(membership.timer);
    membership.live = false;
    membership.interrupted = true;
    membership.listeners.forEach((listener) => listener.onLost?.());
  }

  /** Thrown out, or not let in: join anew with a channel of its own, for supabase-js waits without jitter or not at all. */
  function lose(topic: Topic, membership: Membership): void {
    interrupt(membership);
    removeChannel(topic, membership);
    membership.failures += 1;
    plan(membership, fullJitter(membership.failures, REJOIN.base, REJOIN.cap), () => {
      void join(topic, membership);
    });
  }

  function plan(membership: Membership, milliseconds: number, step: () => void): void {
    clearTimeout(membership.timer);
    membership.timer = setTimeout(step, milliseconds);
  }

  function leave(topic: Topic, membership: Membership): void {
    clearTimeout(membership.timer);
    topics.delete(topic);
    membership.live = false;
    removeChannel(topic, membership);
  }

  function removeChannel(topic: Topic, membership: Membership): void {
    const { channel } = membership;
    delete membership.channel;
    if (channel)
      leaving.set(
        topic,
        supabase.removeChannel(channel).catch(() => undefined),
      );
  }

  return (topic, listener) => {
    let membership = topics.get(topic);
    if (!membership) {
      membership = { listeners: new Set(), live: false, interrupted: false, failures: 0 };
      topics.set(topic, membership);
      void join(topic, membership);
    }
    const { listeners } = membership;
    const own = membership;
    listeners.add(listener);
    if (membership.live) listener.onJoined?.();
    return () => {
      listeners.delete(listener);
      setTimeout(() => {
        if (listeners.size === 0 && topics.get(topic) === own) leave(topic, own);
      }, LEAVE_AFTER);
    };
  };
}
