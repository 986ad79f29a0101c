import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { CallbackEndpoint } from '../support/callback-endpoint.ts';
import { listenForCallbacks } from '../support/callback-endpoint.ts';
import { answering } from '../support/callback-router.ts';
import { callbackType, inRoom, said } from '../support/callback-stage.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { serveFixture } from '../support/fixture-server.ts';
import { sendHttp } from '../support/http-client.ts';
import type { HttpReceived } from '../support/http-client.ts';
import { until } from '../support/waiting.ts';

interface RealStage extends CallbackEndpoint {
  readonly server: FixtureServer;
  readonly ask: (query: string, heartbeatIntervalMs?: number) => Promise<HttpReceived>;
  /** Resolves once the router was told so many things. */
  readonly told: (count: number) => Promise<readonly unknown[]>;
}

/** A server and a router that reach each other over TCP. */
async function realStage(): Promise<RealStage> {
  const endpoint = await listenForCallbacks();
  const { router } = endpoint;
  const server = await serveFixture({
    protocols: ['callback'],
    callback: { allow: [router.origin], timeoutMs: 500, attempts: 2 },
  });
  return {
    ...endpoint,
    server,
    ask: (query, heartbeatIntervalMs) => {
      const extensions = { subscription: router.register(heartbeatIntervalMs) };
      const headers = { accept: callbackType };
      return sendHttp(server.httpUrl, { headers, body: { query, extensions } });
    },
    async told(count) {
      await until(() => router.posts.length >= count, `${count} messages`);
      return router.told();
    },
  };
}

describe('callbacks over TCP', () => {
  it('carry a subscription from its check to its end', async () => {
    const { ask, told, server } = await realStage();

    const answer = await ask('subscription { countdown(from: 2) }');

    expect([answer.status, answer.text]).toEqual([200, '{"data":null}']);
    expect(await told(4)).toEqual(['check', { countdown: 2 }, { countdown: 1 }, 'complete']);
    await until(() => server.gauges().operations === 0, 'the end');
  });

  it('carry events as they are published, until the subscriber wants no more', async () => {
    const { ask, told, server, router } = await realStage();
    await ask(inRoom);
    await server.app.publish('r', '1');
    expect(await told(2)).toEqual(['check', said('1')]);
    router.forget(router.messages()[0]?.id ?? '');

    await server.app.publish('r', '2');
    await server.sources(0);
    await server.app.publish('r', '3');

    expect(router.told()).toEqual(['check', said('1'), said('2')]);
    expect(server.gauges().operations).toBe(0);
  });

  it('use their connections again', async () => {
    const { ask, told, connections } = await realStage();

    await ask('subscription { countdown(from: 20) }');
    await told(22);

    expect(connections()).toBeLessThan(4);
  });

  it('CB-19 do not follow redirects', async () => {
    const { ask, told, router, server } = await realStage();
    await ask(inRoom);
    router.misbehaves = () => answering(307, { location: `${router.origin}/elsewhere` });

    await server.app.publish('r', '1');
    await server.sources(0);

    expect(await told(2)).toEqual(['check', said('1')]);
  });

  it('are given up where nothing is answered, while others go on', async () => {
    const { ask, told, router, server } = await realStage();
    await ask(inRoom);
    await ask(inRoom);
    const [stalled] = router.messages();
    router.misbehaves = ({ message }) =>
      message.id === stalled?.id ? new Promise(() => {}) : undefined;

    await server.app.publish('r', '1');
    await told(4);
    await server.app.publish('r', '2');
    await server.sources(1);

    const other = router.messages()[1]?.id;
    expect(router.told(other)).toEqual(['check', said('1'), said('2')]);
    expect(router.told(stalled?.id)).toEqual(['check', said('1'), said('1')]);
  });

  it('CB-4 are refused where nobody listens, or where something else does', async () => {
    const other = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-x\r\n'));
    other.listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    // it listens on TCP
    const { port } = other.address() as AddressInfo;
    const origins = ['http://127.0.0.1:1', `http://127.0.0.1:${port}`];
    const server = await serveFixture({
      protocols: ['callback'],
      callback: { allow: origins, attempts: 2 },
    });

    for (const origin of origins) {
      const subscription = { callbackUrl: `${origin}/`, subscriptionId: '1', verifier: 'v' };
      const answer = await sendHttp(server.httpUrl, {
        headers: { accept: callbackType },
        body: { query: inRoom, extensions: { subscription } },
      });

      expect([answer.status, server.app.openSources()]).toEqual([400, 0]);
    }
  });

  it('CB-18 tell subscribers when the server closes', async () => {
    const { ask, server, router } = await realStage();
    await ask(inRoom, 5_000);

    await server.close();

    expect(router.told()).toEqual(['check', ['GOING_AWAY']]);
  });
});
