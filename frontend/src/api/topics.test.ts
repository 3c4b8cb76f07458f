import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { createTopics } from './topics';

/** A channel of supabase-js as far as topics use it. */
class Channel {
  hear: (message: unknown) => void = () => undefined;
  become: (status: string) => void = () => undefined;

  on(_type: string, _filter: unknown, hear: (message: unknown) => void) {
    this.hear = hear;
  }

  subscribe(become: (status: string) => void) {
    this.become = become;
  }
}

function fakeClient() {
  const steps: string[] = [];
  const channels: Channel[] = [];
  const client = {
    realtime: {
      setAuth: async () => {
        await Promise.resolve();
        steps.push('token');
      },
    },
    channel: (topic: string) => {
      steps.push(`join ${topic}`);
      const channel = new Channel();
      channels.push(channel);
      return channel;
    },
    removeChannel: async () => {
      await Promise.resolve();
      steps.push('left');
    },
  };
  return { steps, channels, listen: createTopics(client as never) };
}

function listener() {
  const heard: unknown[] = [];
  return {
    heard,
    onEvent: (event: string, payload: unknown) => heard.push([event, payload]),
    onJoined: () => heard.push('joined'),
    onLost: () => heard.push('lost'),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('two who listen share one channel, joined with the token', async () => {
  const { steps, channels, listen } = fakeClient();
  const [one, other] = [listener(), listener()];
  listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  channels[0]?.become('SUBSCRIBED');
  listen('showtime:7', other);
  channels[0]?.hear({ event: 'seat:lock', payload: { seat_ids: [1] } });
  expect(one.heard).toEqual(['joined', ['seat:lock', { seat_ids: [1] }]]);
  expect(other.heard).toEqual(one.heard);
  expect(steps).toEqual(['token', 'join showtime:7']);
});

test('who stops and starts again at once keeps the channel', async () => {
  const { steps, listen } = fakeClient();
  listen('showtime:7', listener())();
  listen('showtime:7', listener());
  await vi.advanceTimersByTimeAsync(60_000);
  expect(steps).toEqual(['token', 'join showtime:7']);
});

test('the last one to stop leaves, and a new channel waits for that', async () => {
  const { steps, listen } = fakeClient();
  const stop = listen('movie:7', listener());
  await vi.advanceTimersByTimeAsync(0);
  stop();
  vi.advanceTimersByTime(1_000);
  listen('movie:7', listener());
  await vi.advanceTimersByTimeAsync(0);
  expect(steps).toEqual(['token', 'join movie:7', 'left', 'token', 'join movie:7']);
});

test('who is put out joins again', async () => {
  const { channels, listen } = fakeClient();
  const { heard, ...one } = listener();
  listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  channels[0]?.become('SUBSCRIBED');
  channels[0]?.become('CLOSED');
  await vi.advanceTimersByTimeAsync(5_000);
  channels[1]?.become('SUBSCRIBED');
  expect(heard).toEqual(['joined', 'lost', 'joined']);
});
