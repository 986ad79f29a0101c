import { TransportError, createClient } from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import { describe, expect, it, vi } from 'vitest';

import { QuickClock } from '../support/client-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

const query = 'subscription { a }';

/** A client over one connection, of which the test plays the server. */
function createScene(client: Partial<ClientOptions> = {}, confirmsStarts = false) {
  const clock = new QuickClock();
  const transport = new ScriptedTransport('shared', confirmsStarts);
  return {
    clock,
    transport,
    /** What the operation's server says to it. */
    get sink() {
      const [sink] = transport.last.started.keys();
      if (!sink) throw new Error('nothing was started');
      return sink;
    },
    client: createClient({
      url: 'http://server.test/graphql',
      transport,
      clock,
      signals: () => () => {},
      ...client,
    }),
  };
}

describe('results that come in parts', () => {
  it('are one for a query: the last', async () => {
    const scene = createScene();
    const answer = scene.client.query({ query: '{ a }' });
    await scene.clock.advance(0);
    scene.transport.last.serve();
    scene.sink.next({ data: { a: 1 }, hasNext: true });
    scene.sink.next({ data: { a: 1, b: 2 }, hasNext: false });

    expect(await answer).toEqual({ data: { a: 1, b: 2 }, hasNext: false });
  });

  it('are no result for a query as long as one is missing', async () => {
    const scene = createScene();
    const answer = scene.client.query({ query: '{ a }' });
    await scene.clock.advance(0);
    scene.transport.last.serve();
    scene.sink.next({ data: { a: 1 }, hasNext: true });
    scene.sink.complete();

    await expect(answer).rejects.toMatchObject({ code: 'BAD_RESPONSE' });
  });
});

describe('a query that has its result', () => {
  it('holds up nobody who wants another connection, though its end has not come', async () => {
    const scene = createScene();
    const answer = scene.client.query({ query: '{ a }' });
    await scene.clock.advance(0);
    const first = scene.transport.last;
    first.serve();
    const { sink } = scene;
    sink.next({ data: { a: 1 } });
    await answer;
    scene.client.reconnect();
    const another = scene.client.query({ query: '{ b }' });
    await scene.clock.advance(0);
    sink.complete();

    expect(first.state).toBe('gone');
    scene.transport.last.serve();
    scene.sink.next({ data: { b: 2 } });
    expect(await another).toEqual({ data: { b: 2 } });
    expect(scene.transport.connections).toHaveLength(2);
  });
});

describe('`onResult`', () => {
  it('sees each result, and what it is of, before the consumer does', async () => {
    const seen: unknown[] = [];
    const scene = createScene({ onResult: (result, operation) => seen.push([result, operation]) });
    scene.client
      .subscribe({ query, variables: { room: 'lobby' } })
      .subscribe((result) => seen.push(result));
    scene.transport.last.serve();
    scene.sink.next({ data: { a: 1 } });
    scene.sink.error([{ message: 'no more' }]);

    const operation = { kind: 'subscription', request: { query, variables: { room: 'lobby' } } };
    expect(seen).toEqual([
      [{ data: { a: 1 } }, operation],
      { data: { a: 1 } },
      [{ errors: [{ message: 'no more' }] }, operation],
      { errors: [{ message: 'no more' }] },
    ]);
  });

  it('may throw: that is reported, and the result arrives', async () => {
    const onInternalError = vi.fn();
    const failure = new Error('the cache is broken');
    const onResult = (): never => {
      throw failure;
    };
    const scene = createScene({ onResult, onInternalError });
    const results: unknown[] = [];
    scene.client.subscribe({ query }).subscribe((result) => results.push(result));
    scene.transport.last.serve();
    scene.sink.next({ data: { a: 1 } });

    expect(results).toEqual([{ data: { a: 1 } }]);
    expect(onInternalError.mock.calls).toEqual([[failure]]);
  });
});

describe('a connection whose server says of each operation that it runs', () => {
  it('has operations that are live, and ready, from then on', async () => {
    const scene = createScene({}, true);
    const handle = scene.client.subscribe({ query });
    const { ready } = handle;
    scene.transport.last.serve();
    await scene.clock.advance(60_000);
    expect(handle.status.current).toBe('connecting');

    scene.sink.started?.();
    expect(await ready).toEqual({ confirmed: true });
    expect(handle.status.current).toBe('live');
  });

  it('may fail an operation alone', async () => {
    const scene = createScene({}, true);
    const end: unknown[] = [];
    const lasting = scene.client.subscribe({ query });
    lasting.subscribe({});
    const handle = scene.client.subscribe({ query });
    handle.subscribe({ error: (failure) => end.push(failure) });
    scene.transport.last.serve();
    const [one, other] = scene.transport.last.started.keys();
    one?.started?.();
    const failure = new TransportError('START_TIMEOUT', 'it did not begin', true);
    other?.failed(failure);

    expect(end).toEqual([failure]);
    expect(handle.status.current).toBe('ended');
    expect(lasting.status.current).toBe('live');
    expect(scene.transport.connections).toHaveLength(1);
  });

  it('asks again after it was lost', async () => {
    const scene = createScene({ random: () => 0.5 }, true);
    const handle = scene.client.subscribe({ query });
    handle.subscribe({});
    scene.transport.last.serve();
    scene.sink.started?.();
    scene.transport.last.fail();
    await scene.clock.advance(1_000);
    scene.transport.last.serve();
    expect(handle.status.current).toBe('reconnecting');

    scene.sink.started?.();
    expect(handle.status.current).toBe('live');
  });

  it('has none that is ready where the server refuses it', async () => {
    const scene = createScene({}, true);
    const handle = scene.client.subscribe({ query });
    const { ready } = handle;
    scene.transport.last.serve();
    scene.sink.error([{ message: 'no' }]);

    await expect(ready).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });
});
