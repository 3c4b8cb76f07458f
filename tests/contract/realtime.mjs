// What a browser does: supabase-js (protocol 2.0.0, binary broadcasts) against the Realtime of any Supabase.
//
// Reads one JSON object of settings from its first argument and prints one JSON line per scenario,
// {name, ok, error}; test_realtime_js.py starts it and answers its requests for a broadcast from the database,
// which go out as {send: {topic, event, payload, private}}.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../../dev/package.json', import.meta.url));
const { createClient } = require('@supabase/supabase-js');
const WebSocket = require('ws');
const assert = require('node:assert/strict');

const settings = JSON.parse(process.argv[2]);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** A queue that waits: `put` from callbacks, `next` with a deadline. */
function queue() {
  const items = [];
  let wake = () => {};
  return {
    put: (item) => {
      items.push(item);
      wake();
    },
    async next(milliseconds = 15_000) {
      const deadline = Date.now() + milliseconds;
      while (items.length === 0) {
        const left = deadline - Date.now();
        if (left <= 0) throw new Error('nothing came in time');
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return items.shift();
    },
    get length() {
      return items.length;
    },
  };
}

function client(token) {
  return createClient(settings.url, settings.key, {
    ...(token ? { accessToken: async () => token } : {}),
    realtime: { transport: WebSocket },
  });
}

/** Subscribe; the queue of [status, error] that the callback receives. */
function subscribe(channel) {
  const states = queue();
  channel.subscribe((status, error) => states.put([status, error?.message]));
  return states;
}

async function subscribed(channel) {
  const states = subscribe(channel);
  assert.deepEqual(await states.next(), ['SUBSCRIBED', undefined]);
  return states;
}

let topics = 0;
const fresh = (prefix) => `${prefix}:${settings.seed}${(topics += 1)}`;
const fromDatabase = (topic, event, payload, isPrivate = true) =>
  print({ send: { topic, event, payload, private: isPrivate } });

const scenarios = {
  async 'receives from the database on a private channel, signed in'(open) {
    const topic = fresh('showtime');
    const received = queue();
    const channel = open(settings.token).channel(topic, { config: { private: true } });
    channel.on('broadcast', { event: 'seat:lock' }, received.put);
    await subscribed(channel);
    fromDatabase(topic, 'seat:release', { seat_ids: [1] });
    fromDatabase(topic, 'seat:lock', { seat_ids: [7], note: 'größer 🎬' });
    const message = await received.next();
    assert.equal(message.event, 'seat:lock');
    assert.deepEqual(message.payload.seat_ids, [7]);
    assert.equal(message.payload.note, 'größer 🎬');
    assert.deepEqual(message.meta, { id: message.payload.id });
  },

  async 'receives from the database on a private channel, as a guest'(open) {
    const topic = fresh('movie');
    const received = queue();
    const channel = open().channel(topic, { config: { private: true } });
    await subscribed(channel.on('broadcast', { event: '*' }, received.put));
    fromDatabase(topic, 'public', {}, false);
    fromDatabase(topic, 'showtime:update', { seats_left: 3 });
    assert.equal((await received.next()).payload.seats_left, 3);
  },

  async 'learns why it may not join'(open) {
    const topic = fresh('secret');
    const states = subscribe(open(settings.token).channel(topic, { config: { private: true } }));
    assert.deepEqual(await states.next(), [
      'CHANNEL_ERROR',
      `Unauthorized: You do not have permissions to read from this Channel topic: ${topic}`,
    ]);
  },

  async 'learns that its token has expired'(open) {
    const browser = open(settings.expired);
    await browser.realtime.setAuth(); // or the join may go out before the token is known, and be a guest's
    const states = subscribe(browser.channel(fresh('showtime'), { config: { private: true } }));
    const [status, message] = await states.next();
    assert.equal(status, 'CHANNEL_ERROR');
    assert.match(message, /^InvalidJWTToken: Token has expired \d+ seconds ago$/);
  },

  async 'cannot forge events of a showtime'(open) {
    const topic = fresh('showtime');
    const received = queue();
    const viewer = open().channel(topic, { config: { private: true } });
    await subscribed(viewer.on('broadcast', { event: '*' }, received.put));
    const forger = open(settings.token).channel(topic, {
      config: { private: true, broadcast: { ack: true } },
    });
    await subscribed(forger);
    // Servers of late 2026 answer with an error, earlier ones not at all.
    const answer = await forger.send({ type: 'broadcast', event: 'forged', payload: {} }, { timeout: 300 });
    assert.notEqual(answer, 'ok');
    await assert.rejects(forger.httpSend('forged', {}), /Unauthorized/);
    fromDatabase(topic, 'genuine', {});
    assert.equal((await received.next()).event, 'genuine');
  },

  async 'broadcasts with self and ack'(open) {
    const topic = fresh('lobby');
    const [own, other] = [queue(), queue()];
    const sender = open().channel(topic, { config: { broadcast: { self: true, ack: true } } });
    const listener = open().channel(topic);
    await subscribed(sender.on('broadcast', { event: 'note' }, own.put));
    await subscribed(listener.on('broadcast', { event: 'note' }, other.put));
    assert.equal(await sender.send({ type: 'broadcast', event: 'note', payload: { n: 1 } }), 'ok');
    for (const received of [own, other]) {
      assert.deepEqual(await received.next(), { type: 'broadcast', event: 'note', payload: { n: 1 } });
    }
    const bytes = new Uint8Array([0, 255, 1]).buffer;
    assert.equal(await sender.send({ type: 'broadcast', event: 'note', payload: bytes }), 'ok');
    assert.deepEqual([...new Uint8Array((await other.next()).payload)], [0, 255, 1]);
  },

  async 'does not receive its own messages unless it asks to'(open) {
    const topic = fresh('lobby');
    const [own, other] = [queue(), queue()];
    const sender = open().channel(topic, { config: { broadcast: { ack: true } } });
    const listener = open().channel(topic);
    await subscribed(sender.on('broadcast', { event: '*' }, own.put));
    await subscribed(listener.on('broadcast', { event: '*' }, other.put));
    assert.equal(await sender.send({ type: 'broadcast', event: 'note', payload: {} }), 'ok');
    await other.next();
    await listener.send({ type: 'broadcast', event: 'answer', payload: {} });
    assert.equal((await own.next()).event, 'answer');
  },

  async 'sends by HTTP'(open) {
    const topic = fresh('lobby');
    const received = queue();
    await subscribed(open().channel(topic).on('broadcast', { event: '*' }, received.put));
    const sender = open().channel(topic);
    assert.deepEqual(await sender.httpSend('by http', { n: 1 }), { success: true });
    assert.deepEqual((await received.next()).payload, { n: 1 });
    assert.deepEqual(await sender.httpSend('bytes', new Uint8Array([0, 255])), { success: true });
    assert.deepEqual([...new Uint8Array((await received.next()).payload)], [0, 255]);
  },

  async 'sees presence come and go'(open) {
    const topic = fresh('lobby');
    const seen = queue();
    const ada = open().channel(topic, { config: { presence: { key: 'ada' } } });
    ada.on('presence', { event: 'join' }, ({ key, newPresences }) =>
      seen.put(['join', key, newPresences[0].at]),
    );
    ada.on('presence', { event: 'leave' }, ({ key, leftPresences }) =>
      seen.put(['leave', key, leftPresences[0].at]),
    );
    await subscribed(ada);
    assert.equal(await ada.track({ at: 'home' }), 'ok');
    assert.deepEqual(await seen.next(), ['join', 'ada', 'home']);

    const synced = queue();
    const bobs = open();
    const bob = bobs.channel(topic, { config: { presence: { key: 'bob' } } });
    bob.on('presence', { event: 'sync' }, () => synced.put(Object.keys(bob.presenceState())));
    await subscribed(bob);
    assert.deepEqual(await synced.next(), ['ada']);
    assert.equal(await bob.track({ at: 'work' }), 'ok');
    assert.deepEqual(await seen.next(), ['join', 'bob', 'work']);
    assert.deepEqual(Object.keys(ada.presenceState()).sort(), ['ada', 'bob']);
    assert.equal(await bob.untrack(), 'ok');
    assert.deepEqual(await seen.next(), ['leave', 'bob', 'work']);
    assert.equal(await bob.track({ at: 'home' }), 'ok');
    assert.deepEqual(await seen.next(), ['join', 'bob', 'home']);
    await bobs.removeAllChannels();
    assert.deepEqual(await seen.next(), ['leave', 'bob', 'home']);
  },

  async 'leaves and comes back'(open) {
    const topic = fresh('showtime');
    const browser = open();
    const first = browser.channel(topic, { config: { private: true } });
    const states = await subscribed(first);
    assert.equal(await browser.removeChannel(first), 'ok');
    assert.equal((await states.next())[0], 'CLOSED');
    const received = queue();
    const second = browser.channel(topic, { config: { private: true } });
    await subscribed(second.on('broadcast', { event: '*' }, received.put));
    fromDatabase(topic, 'again', {});
    assert.equal((await received.next()).event, 'again');
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  const clients = [];
  const open = (token) => {
    clients.push(client(token));
    return clients.at(-1);
  };
  try {
    await scenario(open);
    print({ name, ok: true });
  } catch (error) {
    print({ name, ok: false, error: String(error.stack) });
  }
  for (const each of clients) {
    await each.removeAllChannels();
    await each.realtime.disconnect();
  }
}
process.exit(0);
