import { TransportError, createClient } from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import { describe, expect, it, vi } from 'vitest';

import { QuickClock } from '../support/client-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

const query = 'subscription { a }';

/** A client over one connection, of which the test plays the server. */
function createScene(
  client: Partial<ClientOptions> = {},
  confirmsStarts = false,
  kind: 'shared' | 'single' = 'shared',
) {
  const clock = new QuickClock();
  const transport = new ScriptedTransport(kind, confirmsStarts);
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
  it('is over: `onResult` sees nothing that a server sends after it', async () => {
    const results: unknown[] = [];
    const scene = createScene({ onResult: (result) => results.push(result) });
    const answer = scene.client.query({ query: '{ a }' });
    await scene.clock.advance(0);
    scene.transport.last.serve();
    scene.sink.next({ data: { a: 1 } });
    await answer;
    scene.sink.next({ data: { a: 2 } });

    expect(results).toEqual([{ data: { a: 1 } }]);
  });

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

/** A subscription that runs, and what came of it. */
function createFailing(client: Partial<ClientOptions> = {}, kind?: 'single') {
  const scene = createScene({ random: () => 0.5, ...client }, false, kind);
  const handle = scene.client.subscribe({ query });
  const seen: unknown[] = [];
  const end = (word?: unknown): void => void seen.push(word ?? 'complete');
  handle.subscribe({ next: ({ data }) => seen.push(data), error: end, complete: end });
  scene.transport.last.serve();
  return {
    ...scene,
    handle,
    seen,
    /** As a connection does: what failed is over on it. */
    fail: (failure: TransportError) => scene.transport.last.failOne(failure),
  };
}

describe('an operation that fails alone', () => {
  const passing = new TransportError('CONNECTION_LOST', 'too many requests', true, { status: 429 });
  const final = new TransportError('CONNECTION_REFUSED', 'no', false, { status: 403 });

  it('is started again on the same connection, after a pause that grows until the server is heard', async () => {
    const { clock, transport, handle, seen, fail } = createFailing();
    for (const pauseMs of [500, 1_000, 2_000]) {
      fail(passing);
      expect(handle.status.current).toBe('reconnecting');
      await clock.advance(pauseMs - 1);
      expect(transport.last.started.size).toBe(0);
      await clock.advance(1);
      expect(handle.status.current).toBe('live');
    }
    [...transport.last.started.keys()][0]?.next({ data: { a: 1 } });
    fail(passing);
    await clock.advance(500);

    expect(transport.last.started.size).toBe(1);
    expect([transport.connections.length, seen]).toEqual([1, [{ a: 1 }]]);
  });

  it('is over where the failure is final, or the attempts are', async () => {
    const once = createFailing();
    once.fail(final);
    const twice = createFailing({ retry: { attempts: 1 } });
    twice.fail(passing);
    await twice.clock.advance(500);
    twice.fail(passing);

    expect([once.seen, twice.seen]).toEqual([[final], [passing]]);
    expect(once.transport.last.state).toBe('connected');
  });

  it('is sent on another connection where each carries one', async () => {
    const { clock, transport, fail } = createFailing(
      { retry: { shouldRetry: () => true } },
      'single',
    );
    fail(final);
    await clock.advance(500);

    expect(transport.connections.map(({ starts }) => starts)).toEqual([1, 1]);
    expect(transport.inUse).toEqual([transport.last]);
  });

  it('is over if nobody would send it again', async () => {
    const scene = createScene();
    const outcome = scene.client.query({ query: '{ a }' }).catch((error: unknown) => error);
    await scene.clock.advance(0);
    scene.transport.last.serve();
    scene.transport.last.failOne(passing);

    expect(await outcome).toBe(passing);
  });

  it('may be cancelled meanwhile', async () => {
    const { clock, transport, handle, fail } = createFailing({ idleTimeoutMs: 0 });
    fail(passing);
    handle.return();
    await clock.advance(10_000);

    expect(transport.last.started.size).toBe(0);
    expect(clock.timerCount).toBe(0);
  });

  it('goes along where the connection is lost meanwhile, and is started once', async () => {
    const { clock, transport, fail } = createFailing();
    fail(passing);
    await clock.advance(100);
    transport.last.fail();
    await clock.advance(60_000);
    transport.last.serve();
    await clock.advance(60_000);

    expect(transport.connections.map(({ starts }) => starts)).toEqual([1, 1]);
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
    const failure = new TransportError('START_TIMEOUT', 'it did not begin', false);
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
