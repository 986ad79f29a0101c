import type { Authorization } from 'millrace/client/appsync';
import { VirtualClock, scriptedPeer } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import {
  ackPayload,
  createAppsyncStage,
  live,
  query,
  result,
  startMessage,
  starting,
} from '../support/appsync-stage.ts';
import { consume } from '../support/watched-client.ts';

describe('a subscription', () => {
  it('AS-46 is authorized and sent when the connection is acknowledged', async () => {
    const { client, peer, clock, asked } = createAppsyncStage();
    consume(client.subscribe({ query }));
    const connection = await peer.accept();
    await clock.settle();
    await connection.expect({ type: 'connection_init' });
    peer.send({ type: 'ka' });
    await clock.settle();
    expect(connection.unexpected).toEqual([]);
    expect(asked).toHaveLength(1);

    peer.send({ type: 'connection_ack', payload: ackPayload });
    await clock.settle();

    expect(connection.unexpected).toEqual([startMessage('token 2')]);
  });

  it('AS-47 is live, and ready, from start_ack on', async () => {
    const { handle, clock, say, consumer } = await starting();
    const { ready } = handle;
    await clock.advance(14_999);
    expect(handle.status.current).toBe('connecting');

    await say({ id: '1', type: 'start_ack' });

    expect(await ready).toEqual({ confirmed: true });
    expect(handle.status.current).toBe('live');
    await say({ id: '1', type: 'data', payload: result });
    await clock.advance(60_000);
    expect(consumer.rest).toEqual([result]);
    expect(consumer.end).toBeUndefined();
  });

  it('AS-47 fails alone without start_ack, is taken back, and says what the server complained of', async () => {
    const { client, consumer, clock, say, sent, violations, losses } = await starting();
    const other = client.subscribe({ query: 'subscription { b }' });
    const otherConsumer = consume(other);
    await sent();
    await say({ id: '2', type: 'start_ack' });
    const payload = { errors: { errorType: 'LimitExceededError', message: 'Rate exceeded' } };
    await say({ type: 'error', payload });

    await clock.advance(15_000);

    expect(await consumer.failed()).toMatchObject({
      name: 'TransportError',
      code: 'START_TIMEOUT',
      retryable: false,
      payload,
    });
    expect(await sent()).toEqual({ id: '1', type: 'stop' });
    expect(violations).toEqual(['The server complains: Rate exceeded']);
    await say({ id: '1', type: 'start_ack' }, { id: '1', type: 'data', payload: result });
    await say({ id: '2', type: 'data', payload: result });
    expect(otherConsumer.rest).toEqual([result]);
    expect(losses).toEqual([]);
    expect(violations).toHaveLength(1);
  });

  it.each([
    ['another time', 1_000, 1_000],
    ['forever', Infinity, 600_000],
  ])('AS-47 may wait %s', async (_much, startAckTimeoutMs, ms) => {
    const { consumer, clock, say } = await starting({
      appsync: { startAckTimeoutMs, connectionTimeoutMs: Infinity },
    });

    await clock.advance(ms);
    await say({ id: '1', type: 'start_ack' });

    expect(consumer.end === undefined).toBe(startAckTimeoutMs === Infinity);
  });

  it('AS-47 fails in time with timers that fire early', async () => {
    const clock = new VirtualClock();
    const peer = scriptedPeer({ clock });
    const { client } = createAppsyncStage({
      appsync: { WebSocket: peer.WebSocket },
      client: {
        clock: {
          now: () => clock.now(),
          schedule: (callback, delayMs) => clock.schedule(callback, delayMs * 0.9),
        },
      },
    });
    const consumer = consume(client.subscribe({ query }));
    await peer.acknowledge(ackPayload);
    await clock.settle();

    await clock.advance(15_001);

    expect(await consumer.failed()).toMatchObject({ code: 'START_TIMEOUT' });
  });

  it('AS-47 is confirmed again after the connection was lost', async () => {
    const { handle, peer, clock, sent, say } = await live();
    peer.drop();
    await clock.settle();
    await clock.advance(1_000);
    await peer.acknowledge(ackPayload);
    const again = await sent();
    expect(handle.status.current).toBe('reconnecting');

    await say({ id: again.id, type: 'start_ack' });

    expect(handle.status.current).toBe('live');
  });

  it('AS-49 ends with the errors of the server, which come as a result', async () => {
    const { consumer, say, clock } = await starting();

    await say({
      id: '1',
      type: 'error',
      payload: { errors: [{ errorType: 'MaxSubscriptionsReachedError', message: 'too many' }] },
    });

    expect(consumer.rest).toEqual([
      {
        errors: [
          { message: 'too many', extensions: { errorType: 'MaxSubscriptionsReachedError' } },
        ],
      },
    ]);
    expect(consumer.end).toBe('complete');
    await clock.advance(15_000);
  });

  it('ends when the server completes it', async () => {
    const { consumer, say, peer, clock } = await live();

    await say({ id: '1', type: 'complete' });
    consumer.stop();
    await clock.settle();

    expect(consumer.end).toBe('complete');
    expect(peer.connection.unexpected).toEqual([]);
  });

  it('whose authorization fails ends alone', async () => {
    const cause = new Error('signed out');
    let count = 0;
    const { client, losses, say, peer, clock } = createAppsyncStage({
      appsync: {
        authorization: () => {
          count += 1;
          if (count === 2) throw cause;
          return { token: 't' };
        },
      },
    });
    const first = consume(client.subscribe({ query }));
    const second = consume(client.subscribe({ query }));
    await peer.acknowledge(ackPayload);
    await clock.settle();

    expect(await first.failed()).toMatchObject({
      code: 'CLIENT_ERROR',
      message: 'Error: signed out',
      retryable: false,
      cause,
    });
    await say({ id: '1', type: 'start_ack' }, { id: '1', type: 'data', payload: result });
    expect(second.rest).toEqual([result]);
    expect(losses).toEqual([]);
  });

  it('whose authorization is nothing that can be sent ends alone', async () => {
    let count = 0;
    const { client, peer, clock } = createAppsyncStage({
      appsync: {
        // a program without types
        authorization: () => ({ token: (count += 1) > 1 ? 1n : 't' }) as unknown as Authorization,
      },
    });
    const consumer = consume(client.subscribe({ query }));
    await peer.acknowledge(ackPayload);
    await clock.settle();

    expect(await consumer.failed()).toMatchObject({ code: 'CLIENT_ERROR' });
    expect(clock.timerCount).toBe(2); // silence, and the end of an idle connection
  });

  it('with variables that JSON cannot hold ends alone, before anything is sent', async () => {
    const { client, asked } = await live();
    const consumer = consume(client.subscribe({ query, variables: { n: 1n } }));

    expect(await consumer.failed()).toMatchObject({ code: 'CLIENT_ERROR', retryable: false });
    expect(asked).toHaveLength(2);
  });
});

describe('a subscription that is cancelled', () => {
  it('AS-52 before start_ack is stopped when that comes, and brings nothing more', async () => {
    const { consumer, peer, say, sent } = await starting();

    consumer.stop();
    await say({ id: '1', type: 'data', payload: result });
    expect(peer.connection.unexpected).toEqual([]);
    await say({ id: '1', type: 'start_ack' });

    expect(await sent()).toEqual({ id: '1', type: 'stop' });
    await say({ id: '1', type: 'complete' });
    expect(consumer.rest).toEqual([]);
  });

  it('AS-52 is stopped at last when start_ack does not come', async () => {
    const { consumer, clock, sent } = await starting();
    await clock.advance(10_000);
    consumer.stop();
    await clock.advance(5_000);

    expect(await sent()).toEqual({ id: '1', type: 'stop' });
    expect(consumer.end).toBeUndefined();
  });

  it.each(['error', 'complete'])(
    'AS-52 is not stopped if the answer to start is %s',
    async (type) => {
      const { consumer, clock, peer, say, violations } = await starting();
      consumer.stop();

      await say({ id: '1', type, payload: { errors: [{ message: 'no' }] } });
      await clock.advance(15_000);

      expect(peer.connection.unexpected).toEqual([]);
      expect(consumer.rest).toEqual([]);
      expect(violations).toEqual([]);
    },
  );

  it('after start_ack is stopped at once', async () => {
    const { consumer, sent, say, violations } = await live();

    consumer.stop();

    expect(await sent()).toEqual({ id: '1', type: 'stop' });
    await say({ id: '1', type: 'data', payload: result }, { id: '1', type: 'complete' });
    expect(consumer.rest).toEqual([]);
    expect(violations).toEqual([]);
  });

  it('before the ack is neither authorized nor sent', async () => {
    const { client, peer, clock, asked } = createAppsyncStage();
    const consumer = consume(client.subscribe({ query }));
    const connection = await peer.accept();
    await clock.settle();
    consumer.stop();
    peer.send({ type: 'connection_ack', payload: ackPayload });
    await clock.settle();

    expect(connection.messages).toEqual([{ type: 'connection_init' }]);
    expect(asked).toHaveLength(1);
  });

  it('while it is authorized is never sent', async () => {
    const given: ((authorization: Authorization) => void)[] = [];
    const { client, peer, clock } = createAppsyncStage({
      appsync: {
        authorization: ({ request }) =>
          request ? new Promise((resolve) => void given.push(resolve)) : {},
      },
    });
    const consumer = consume(client.subscribe({ query }));
    const connection = await peer.acknowledge(ackPayload);
    await clock.settle();

    consumer.stop();
    for (const give of given) give({});
    await clock.settle();

    expect(given).toHaveLength(1);
    expect(connection.messages).toEqual([{ type: 'connection_init' }]);
  });
});
