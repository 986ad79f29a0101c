import { expect, vi } from 'vitest';

import { connectReady, post, subscribe } from './adapter-clients.ts';
import type { Difference } from './adapter-contract.ts';

/** Of adapters for what has no WebSockets. */
export const withoutWebSockets = {
  mark: 'no',
  note: 'An upgrade gets 501.',
} as const satisfies Difference;

/** Of runtimes that hand over whole messages, and send no pings for anyone. */
export const standardSockets: Readonly<Record<string, Difference>> = {
  'a message above the limit, which is closed with 1009': {
    mark: 'once it has come',
    note: 'The runtime hands a message over when it has all of it; `messageMs` and `messageFragments` have nothing to count.',
  },
  'a silent peer is asked whether it lives, and lives by its answer': {
    mark: 'by a message',
    note: 'Programs can send no WebSocket pings there. A silent peer is sent the `ping` message of `graphql-transport-ws`; the older protocol has none, so a dead peer is found out by the runtime alone.',
  },
};

const unseenSilence = {
  mark: 'a silent stream with its next heartbeat',
  note: 'workerd tells that a client has left when something is written to it.',
  check: (start, { check }) =>
    check((settings) => start({ ...settings, options: { keepAlive: { heartbeatMs: 100 } } })),
} as const satisfies Difference;

const untold =
  'workerd does not tell how much waits in a socket. What is sent to a peer that does not read stays in memory, no policy of `slowConsumer` acts, and a source that could wait does not.';

/** Of workerd. */
export const workerDifferences: Readonly<Record<string, Difference>> = {
  ...standardSockets,
  'where a request comes from': {
    mark: 'as Cloudflare says',
    note: 'The header `cf-connecting-ip`, which Cloudflare sets.',
    async check(start) {
      const { url } = await start({ tellsAddress: true });

      const answer = await fetch(`${url}?query={hello}`, {
        headers: { 'cf-connecting-ip': '192.0.2.1' },
      });

      expect(await answer.text()).toContain('192.0.2.1');
    },
  },
  'a client that leaves before its answer, which leaves nothing behind': {
    mark: 'not before its answer',
    note: 'workerd does not tell a Durable Object that a client has left before its answer has begun: the operation runs to its end.',
    async check(start) {
      const stage = await start({});
      const controller = new AbortController();
      const asked = post(stage, '{ slow }', { signal: controller.signal });
      await vi.waitFor(async () => expect((await stage.gauges()).operations).toBe(1));
      controller.abort();
      await expect(asked).rejects.toThrow();

      await stage.app.release('slow');

      await vi.waitFor(async () => expect((await stage.gauges()).operations).toBe(0));
    },
  },
  'server-sent events: a client that leaves while nothing happens, which leaves nothing behind':
    unseenSilence,
  'multipart: a client that leaves while nothing happens, which leaves nothing behind':
    unseenSilence,
  'a source that can wait waits for the peer, and goes on as that reads': {
    mark: 'no',
    note: untold,
  },
  'a peer that does not read is cut off': {
    mark: 'no',
    note: untold,
    async check(start) {
      const stage = await start({});
      const client = await connectReady(stage);
      subscribe(client, 'subscription { message(room: "a") { text } }');
      await vi.waitFor(async () => expect(await stage.app.openSources()).toBe(1));
      client.socket.pause();

      for (let published = 0; published < 200; published += 1)
        await stage.app.publish('a', 'x'.repeat(65_536));

      expect((await stage.counters()).slowConsumerDisconnects).toBe(0);
      expect((await stage.gauges()).operations).toBe(1);
      client.socket.terminate();
    },
  },
};
