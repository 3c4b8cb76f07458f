import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { createTopics } from './topics';

/** A channel of supabase-js as far as topics use it. */
class Channel {
  readonly handlers = new Map<string, (message: unknown) => void>();
  become: (status: string) => void = () => undefined;

  on(type: string, _filter: unknown, handler: (message: unknown) => void) {
    this.handlers.set(type, handler);
  }

  receive(type: 'broadcast' | 'system', message: unknown) {
    this.handlers.get(type)?.(message);
  }

  subscribe(become: (status: string) => void) {
    this.become = become;
  }
}

function fakeClient() {
  const steps: string[] = [];
  const channels: Channel[] = [];
  const connection = { open: true };
  const client = {
    realtime: {
      isConnected: () => connection.open,
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
  return { steps, channels, connection, listen: createTopics(client as never) };
}

function listener() {
  const received: unknown[] = [];
  return {
    received,
    onEvent: (event: string, payload: unknown) => received.push([event, payload]),
    onJoined: () => received.push('joined'),
    onLost: () => received.push('lost'),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('two listeners share one channel, joined with the token', async () => {
  const { steps, channels, listen } = fakeClient();
  const [one, other] = [listener(), listener()];
  listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  channels[0]?.become('SUBSCRIBED');
  listen('showtime:7', other);
  channels[0]?.receive('broadcast', { event: 'seat:lock', payload: { seat_ids: [1] } });
  expect(one.received).toEqual(['joined', ['seat:lock', { seat_ids: [1] }]]);
  expect(other.received).toEqual(one.received);
  expect(steps).toEqual(['token', 'join showtime:7']);
});

test('a listener that leaves and returns at once keeps the channel', async () => {
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

/** Joined, and thrown out so many times in a row, each time right after it was joined. */
async function thrownOut(times: number) {
  const client = fakeClient();
  const { received, ...one } = listener();
  client.listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  client.channels[0]?.become('SUBSCRIBED');
  for (let time = 0; time < times; time += 1) {
    if (time > 0) client.channels.at(-1)?.become('SUBSCRIBED');
    client.channels.at(-1)?.become('CLOSED');
    if (time < times - 1) await vi.advanceTimersByTimeAsync(30_000);
  }
  return { ...client, received };
}

/** The milliseconds until the next channel is asked for. */
async function wait(channels: readonly unknown[]): Promise<number> {
  const [before, start] = [channels.length, Date.now()];
  while (channels.length === before && Date.now() - start < 60_000) await vi.advanceTimersByTimeAsync(50);
  return Date.now() - start;
}

test.each([
  ['closed', (channel: Channel) => channel.become('CLOSED')],
  ['sent an error', (channel: Channel) => channel.receive('system', { status: 'error' })],
  ['refused', (channel: Channel) => channel.become('CHANNEL_ERROR')],
])('a channel that is %s is joined again, and what was missed is read once', async (_, end) => {
  const { channels, listen } = fakeClient();
  const { received, ...one } = listener();
  listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  const [first] = channels;
  first?.become('SUBSCRIBED');
  if (first) end(first);
  first?.become('CLOSED');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(channels).toHaveLength(2);
  channels[1]?.become('SUBSCRIBED');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(received).toEqual(['joined', 'lost', 'joined']);
});

test('without a connection the join is left to supabase-js', async () => {
  const { channels, connection, listen } = fakeClient();
  const { received, ...one } = listener();
  listen('showtime:7', one);
  await vi.advanceTimersByTimeAsync(0);
  channels[0]?.become('SUBSCRIBED');
  connection.open = false;
  channels[0]?.become('CHANNEL_ERROR');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(channels).toHaveLength(1);
  channels[0]?.become('SUBSCRIBED');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(received).toEqual(['joined', 'lost', 'joined']);
});

test('two hundred pages that are thrown out at once come back spread over the time', async () => {
  const pages = Array.from({ length: 200 }, () => fakeClient());
  pages.forEach(({ listen }) => listen('showtime:7', listener()));
  await vi.advanceTimersByTimeAsync(0);
  pages.forEach(({ channels }) => channels[0]?.become('SUBSCRIBED'));
  pages.forEach(({ channels }) => channels[0]?.become('CLOSED'));
  const back = () => pages.filter(({ channels }) => channels.length > 1).length;
  const each: number[] = [];
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const before = back();
    await vi.advanceTimersByTimeAsync(200);
    each.push(back() - before);
  }
  expect(back()).toBe(200);
  // 20 in each tenth of the two seconds, as far as chance has it.
  expect(Math.max(...each)).toBeLessThan(50);
  expect(Math.min(...each)).toBeGreaterThan(0);
});

test('repeated closings back off exponentially, up to half a minute', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.999);
  const waits: number[] = [];
  for (const times of [1, 2, 3, 4, 5, 9]) {
    const { channels } = await thrownOut(times);
    waits.push(Math.round((await wait(channels)) / 1000));
  }
  expect(waits).toEqual([2, 4, 8, 16, 30, 30]);
});

test('nothing is read again in a storm of joins that do not last', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  const { channels, received } = await thrownOut(6);
  expect(received.filter((each) => each === 'joined')).toHaveLength(1);
  await wait(channels);
  channels.at(-1)?.become('SUBSCRIBED');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(received.filter((each) => each === 'joined')).toHaveLength(2);
});

test('a channel that lasted is joined again as soon as the first time', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.999);
  const { channels } = await thrownOut(5);
  await wait(channels);
  channels.at(-1)?.become('SUBSCRIBED');
  await vi.advanceTimersByTimeAsync(15_000);
  channels.at(-1)?.become('CLOSED');
  expect(await wait(channels)).toBeLessThanOrEqual(2_050);
});

test('a topic without listeners is not joined again', async () => {
  const { channels, listen } = fakeClient();
  const stop = listen('showtime:7', listener());
  await vi.advanceTimersByTimeAsync(0);
  channels[0]?.become('CLOSED');
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  const before = channels.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(channels).toHaveLength(before);
});
