import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

import type { ServerOptions } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { defaultLimits } from '../../src/server/limits.ts';
import { sendHttp } from '../support/http-client.ts';
import { serveBehind } from './support/serve-behind.ts';
import { bareNginx, documentedSetups, haproxyWithoutOptions } from './support/setups.ts';
import { isWebSocket, openings, transportNames } from './support/subscriptions.ts';
import type { ProxiedSubscription, TransportName } from './support/subscriptions.ts';

const eventBytes = 65_536;
/** What surrounds the text of one event, generously. */
const framingBytes = 1_024;
/** What the kernel may hold in four sockets, generously. */
const kernelBytes = 64 * 2 ** 20;
/** What HAProxy holds each event back for without `option http-no-delay`. */
const holdBackMs = 200;

const silent: ServerOptions['keepAlive'] = {
  heartbeatMs: Infinity,
  pingAfterMs: Infinity,
  keepAliveMs: Infinity,
};

const responseStreams = transportNames.filter((transport) => !isWebSocket(transport));

function openAll(
  url: string,
  transports: readonly TransportName[] = transportNames,
): Promise<readonly ProxiedSubscription[]> {
  return Promise.all(transports.map((transport) => openings[transport](url)));
}

describe.each([...documentedSetups, haproxyWithoutOptions])('behind $name', (setup) => {
  describe.each(transportNames)('a subscription over %s', (transport) => {
    it('gets each event before the next one is published', async () => {
      const { server, url } = await serveBehind(setup, { keepAlive: silent });
      const subscription = await openings[transport](url);
      await server.sources(1);

      for (const text of ['one', 'two', 'three']) {
        await server.app.publish('lobby', text);
        await subscription.event(text);
      }

      expect(server.app.openSources()).toBe(1);
    });

    it('gets an event of a megabyte whole', async () => {
      const { server, url } = await serveBehind(setup);
      const subscription = await openings[transport](url);
      await server.sources(1);
      const text = 'large '.repeat(170_000);

      await server.app.publish('lobby', text);

      await expect(subscription.event(text)).resolves.toBeUndefined();
    });

    it(`frees its source when its client leaves, ${setup.tellsWhoLeaves ? 'at once' : 'after some heartbeats'}`, async () => {
      const keepAlive = setup.tellsWhoLeaves ? silent : { heartbeatMs: 300 };
      const { server, url } = await serveBehind(setup, { keepAlive });
      const subscription = await openings[transport](url);
      await server.sources(1);

      await subscription.leave();

      await expect(server.sources(0)).resolves.toBeUndefined();
      await server.connections(0);
    });

    it('ends when the server goes, and a new one works once there is a server again', async () => {
      const { server, url } = await serveBehind(setup);
      const subscription = await openings[transport](url);
      await server.sources(1);

      await server.close();
      expect(await subscription.ended).toBe(isWebSocket(transport) ? 1001 : 'cut');
      const successor = await server.startSuccessor();
      const next = await openings[transport](url);
      await successor.sources(1);
      await successor.app.publish('lobby', 'back');

      await expect(next.event('back')).resolves.toBeUndefined();
    });

    it('is cut when its client does not read, and little of what it missed waits in the server', async () => {
      const sockets = collectServerSockets();
      const { server, url } = await serveBehind(setup);
      const subscription = await openings[transport](url);
      await server.sources(1);
      subscription.pause();

      let publishedBytes = 0;
      let waitingBytes = 0;
      while (server.app.openSources() > 0 && publishedBytes < kernelBytes) {
        await server.app.publish('lobby', 'x'.repeat(eventBytes));
        publishedBytes += eventBytes;
        await turn();
        waitingBytes = Math.max(waitingBytes, ...sockets.map((socket) => socket.writableLength));
      }

      expect(server.app.openSources()).toBe(0);
      expect(waitingBytes).toBeGreaterThan(0);
      expect(waitingBytes).toBeLessThan(
        defaultLimits.outboxHighWaterBytes + eventBytes + framingBytes,
      );
    });

    it('is cut when its client does not read and its source waits for it', async () => {
      const { server, url } = await serveBehind(setup, { limits: { stalledMs: 200 } });
      const subscription = await openings[transport](url, {
        query: `subscription { flood(bytes: ${eventBytes}) }`,
      });
      subscription.pause();
      await server.sources(1);

      await expect(server.sources(0)).resolves.toBeUndefined();
    });
  });

  describe('idle subscriptions', () => {
    it('live on under a short timeout if heartbeats are more frequent', async () => {
      const { server, url } = await serveBehind(setup, {
        keepAlive: { heartbeatMs: 200, pingAfterMs: 200 },
        idleMs: 1_000,
      });
      const subscriptions = await openAll(url);
      await server.sources(subscriptions.length);

      await Promise.all(subscriptions.map((subscription) => subscription.heartbeats(16)));
      await server.app.publish('lobby', 'still here');

      await expect(
        Promise.all(subscriptions.map((subscription) => subscription.event('still here'))),
      ).resolves.toHaveLength(transportNames.length);
    });

    it('are cut by a short timeout without heartbeats', async () => {
      const { server, url } = await serveBehind(setup, {
        keepAlive: silent,
        idleMs: 1_000,
      });
      const subscriptions = await openAll(url);

      const ends = await Promise.all(subscriptions.map(({ ended }) => ended));

      expect(ends).toEqual(
        transportNames.map((transport) => (isWebSocket(transport) ? 1006 : 'cut')),
      );
      await server.sources(0);
    });
  });
});

describe.each(documentedSetups)('behind $name', (setup) => {
  it.each(transportNames)('nothing holds the events of %s back', async (transport) => {
    const { server, url } = await serveBehind(setup, { keepAlive: silent });
    const subscription = await openings[transport](url);
    await server.sources(1);
    const rounds = 50;

    const startedAt = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      await server.app.publish('lobby', `round ${round}`);
      await subscription.event(`round ${round}`);
    }

    expect(performance.now() - startedAt).toBeLessThan((rounds * holdBackMs) / 2);
  });
});

describe('behind haproxy without options', () => {
  it('nobody learns that a client has left a response that is silent', async () => {
    const { server, url } = await serveBehind(haproxyWithoutOptions, { keepAlive: silent });
    const subscriptions = await openAll(url, responseStreams);
    await server.sources(subscriptions.length);

    await Promise.all(subscriptions.map((subscription) => subscription.leave()));
    for (let trips = 0; trips < 10; trips += 1) {
      await sendHttp(url, { body: { query: '{ hello }' } });
    }

    expect(server.app.openSources()).toBe(subscriptions.length);
  });
});

describe('behind nginx with nothing but `proxy_pass`', () => {
  it.each(responseStreams)(
    'events flow over %s, and a cut looks like an end',
    async (transport) => {
      const { server, url } = await serveBehind(bareNginx, { keepAlive: silent });
      const subscription = await openings[transport](url);
      await server.sources(1);

      for (const text of ['one', 'two']) {
        await server.app.publish('lobby', text);
        await subscription.event(text);
      }
      await server.close();

      expect(await subscription.ended).toBe('whole');
    },
  );
});

/** The sockets of clients that any server of this process accepts from now on. */
function collectServerSockets(): readonly Socket[] {
  const sockets: Socket[] = [];
  const collect = (message: unknown): void => {
    sockets.push((message as { readonly socket: Socket }).socket); // what the documentation of Node says of this channel
  };
  subscribe('net.server.socket', collect);
  onTestFinished(() => void unsubscribe('net.server.socket', collect));
  return sockets;
}
