import { renewing } from 'millrace/client/renewal';
import { websocket } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { serveProtocol } from '../support/protocol-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';
import { until } from '../support/waiting.ts';

const query = 'subscription { a }';
const transport = renewing((protocol) => websocket({ protocol, pingAfterMs: Infinity }));
const told = (expiresInMs: number) => ({ extensions: { session: { expiresInMs } } });
const renewal = (token: number) => ({ type: 'ping', payload: { auth: { token } } });

/** A client whose session was accepted for some time, and its server. */
async function accepted(expiresInMs: number, options: WatchedClientOptions = {}) {
  let tokens = 0;
  const server = await serveProtocol();
  const watched = watchClient(server.url, {
    transport,
    connectionParams: () => ({ token: (tokens += 1) }),
    ...options,
  });
  const consumer = consume(watched.client.subscribe({ query }));
  const peer = await server.ready(told(expiresInMs));
  expect(await peer.next()).toMatchObject({ type: 'subscribe' });
  await until(() => watched.acks.length === 1, 'the ack');
  return { server, peer, consumer, tokens: () => tokens, ...watched };
}

describe('a session that expires', () => {
  it('is renewed a minute before that, with what the parameters are then', async () => {
    const { peer, clock, tokens } = await accepted(600_000);

    await clock.advance(539_999);
    expect(tokens()).toBe(1);
    await clock.advance(1);

    expect(await peer.next()).toEqual(renewal(2));
  });

  it('is renewed again before it expires anew', async () => {
    const { peer, clock, tokens, losses } = await accepted(600_000);
    await clock.advance(540_000);
    await peer.next();

    peer.send({ type: 'pong', payload: told(3_600_000) });
    await peer.rest();
    await clock.advance(3_539_999);
    expect(tokens()).toBe(2);
    await clock.advance(1);

    expect(await peer.next()).toEqual(renewal(3));
    expect(losses).toEqual([]);
  });

  it('is renewed at half of its time if that is short', async () => {
    const { peer, clock } = await accepted(10_000);

    await clock.advance(5_000);

    expect(await peer.next()).toEqual(renewal(2));
  });

  it('is renewed again in half of the time that is left, as long as nothing comes of it', async () => {
    const { peer, clock, tokens } = await accepted(600_000);

    await clock.advance(540_000);
    expect(await peer.next()).toEqual(renewal(2));
    peer.send({ type: 'pong', payload: {} });
    await peer.rest();
    await clock.advance(30_000);
    expect(await peer.next()).toEqual(renewal(3));
    await clock.advance(30_000);

    // with 15, 7.5, 3.75, 1.875 and 0.9375 seconds left, and then it is too late
    expect(tokens()).toBe(8);
  });

  it('is renewed at the next attempt if the parameters cannot be found out', async () => {
    let asked = 0;
    const { peer, clock, internalErrors } = await accepted(600_000, {
      connectionParams: () => {
        asked += 1;
        if (asked === 2) throw new Error('offline');
        return { token: asked };
      },
    });
    await clock.advance(540_000);
    await clock.advance(30_000);

    expect(await peer.next()).toEqual(renewal(3));
    expect(internalErrors).toEqual([]);
  });

  it('is renewed with the next ping if another one waits for its answer', async () => {
    const { peer, clock, tokens } = await accepted(110_000, {
      transport: renewing((protocol) => websocket({ protocol, pingAfterMs: 20_000 })),
    });
    const pong = async (): Promise<void> => {
      peer.send({ type: 'pong' });
      await peer.rest();
    };
    await clock.advance(20_000);
    expect(await peer.next()).toEqual({ type: 'ping' });
    await pong();
    await clock.advance(20_000);
    expect(await peer.next()).toEqual({ type: 'ping' });
    await clock.advance(15_000);
    expect([tokens(), await peer.rest()]).toEqual([2, []]);

    await pong();
    await clock.advance(20_000);

    expect(await peer.next()).toEqual(renewal(2));
    expect(tokens()).toBe(2);
  });

  it.each([
    { which: 'are always the same', connectionParams: { token: 1 } },
    { which: 'are none', connectionParams: undefined },
  ])('is not renewed with parameters that $which', async ({ connectionParams }) => {
    const { clock, peer } = await accepted(600_000, { connectionParams });

    await clock.advance(600_000);

    expect(await peer.rest()).toEqual([]);
  });

  it('is renewed by nobody once its connection is gone', async () => {
    const { clock, client, tokens } = await accepted(600_000);

    client.close();
    await clock.advance(600_000);

    expect([tokens(), clock.timerCount]).toEqual([1, 0]);
  });

  it('counts anew on the next connection', async () => {
    const { peer, clock, server, comeBack, tokens } = await accepted(600_000);
    await clock.advance(300_000);
    peer.vanish();
    await comeBack();
    const next = await server.ready(told(600_000));
    await next.next();
    await until(() => tokens() === 2, 'the second connection');
    await next.rest();

    await clock.advance(539_000);
    expect(tokens()).toBe(2);
    await clock.advance(1_000);

    expect(await next.next()).toEqual(renewal(3));
  });
});
