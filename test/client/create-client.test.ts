import { getEventListeners } from 'node:events';

import { createClient } from 'millrace/client';
import type { OperationHandle, Transport } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { createStage, running } from '../support/client-peer.ts';
import type { Message, Stage } from '../support/client-peer.ts';
import type { Link } from '../support/client-network.ts';

const query = 'subscription { a }';

/** Starts a subscription and writes down what its observer is told. */
function observe(stage: Pick<Stage, 'client'>, options: { readonly query?: string } = {}) {
  const told: unknown[] = [];
  const handle = stage.client.subscribe({ query, ...options });
  handle.subscribe({
    next: (result) => told.push(result),
    error: (error) => told.push(error),
    complete: () => told.push('complete'),
  });
  return { told, handle };
}

function answerWith(result: unknown) {
  return (link: Link, { type, id }: Message): void => {
    if (type === 'connection_init') link.push({ type: 'connection_ack' });
    if (type !== 'subscribe') return;
    link.push({ id, type: 'next', payload: result });
    link.push({ id, type: 'complete' });
  };
}

async function settled(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome.status === 'fulfilled' ? { value: outcome.value } : outcome.reason;
}

/** What `promise` came to by now. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  return Promise.race([
    promise.then(
      () => 'fulfilled' as const,
      () => 'rejected' as const,
    ),
    new Promise<'pending'>((resolve) => void setImmediate(() => resolve('pending'))),
  ]);
}

describe('an operation', () => {
  it('starts when somebody asks for its results, on a connection that all share', async () => {
    const stage = createStage();
    stage.client.subscribe({ query });
    await stage.clock.settle();
    expect(stage.network.links).toEqual([]);

    observe(stage);
    observe(stage);
    await stage.clock.advance(1);

    expect(stage.heard.map(({ message }) => message)).toEqual([
      { type: 'connection_init' },
      { type: 'subscribe', id: '1', payload: { query } },
      { type: 'subscribe', id: '2', payload: { query } },
    ]);
    expect(stage.network.links).toHaveLength(1);
    expect(stage.network.link).toMatchObject({
      url: 'ws://server.test/graphql',
      subprotocol: 'graphql-transport-ws',
    });
  });

  it('is a promise of the first result for queries and mutations', async () => {
    const stage = createStage({
      answer: answerWith({ data: { a: 1 }, errors: [{ message: 'b' }] }),
    });
    const results = [
      stage.client.query({ query: '{ a }' }),
      stage.client.mutate({ query: 'mutation { a }', operationName: 'm', extensions: { e: 1 } }),
    ];
    await stage.clock.advance(1);

    expect(await Promise.all(results)).toEqual([
      { data: { a: 1 }, errors: [{ message: 'b' }] },
      { data: { a: 1 }, errors: [{ message: 'b' }] },
    ]);
  });

  it('is a stream of results for those who iterate', async () => {
    const stage = createStage({ answer: answerWith({ data: { a: 1 } }) });
    const results: unknown[] = [];
    const reading = (async () => {
      for await (const result of stage.client.subscribe({ query })) results.push(result);
    })();
    await stage.clock.advance(1);
    await reading;

    expect(results).toEqual([{ data: { a: 1 } }]);
  });

  it('gives request errors as a result, and ends', async () => {
    const errors = [{ message: 'no such field' }];
    const stage = createStage({
      answer: (link, { type, id }) => {
        link.push(
          type === 'connection_init'
            ? { type: 'connection_ack' }
            : { id, type: 'error', payload: errors },
        );
      },
    });
    const { told } = observe(stage);
    const result = stage.client.query({ query: '{ b }' });
    await stage.clock.advance(1);

    expect(told).toEqual([{ errors }, 'complete']);
    expect(await result).toEqual({ errors });
  });

  it('that the server ended with errors is not sent again by what its observer does', async () => {
    const stage = createStage();
    const other = observe(stage);
    const handle = stage.client.subscribe({ query });
    handle.subscribe(() => stage.client.reconnect());
    await stage.clock.advance(1);
    stage.network.link.push({ id: '2', type: 'error', payload: [{ message: 'no' }] });
    await stage.clock.advance(1);

    expect(stage.network.links).toHaveLength(2);
    expect(running(stage.network.link)).toEqual(['1']);
    expect([other.handle, handle].map(({ status }) => status.current)).toEqual(['live', 'ended']);
  });

  it('has one consumer, and as many as subscribe to its observable view', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query });
    handle.subscribe({});
    expect(() => handle.subscribe({})).toThrow('one consumer');
    expect(() => handle[Symbol.asyncIterator]()).toThrow('one consumer');

    const view = (handle as unknown as { '@@observable'(): OperationHandle<unknown> })[
      '@@observable'
    ](); // libraries find it by this name
    view.subscribe({});
    view.subscribe({});
    await stage.clock.advance(1);
    expect(running(stage.network.link)).toEqual(['1', '2', '3']);
  });

  it('goes on after an observer threw', async () => {
    const thrown: unknown[] = [];
    const stage = createStage({
      client: { onInternalError: (error) => thrown.push(error) },
      answer: answerWith({ data: 1 }),
    });
    const told: unknown[] = [];
    stage.client.subscribe({ query }).subscribe({
      next: (result) => {
        told.push(result);
        throw new Error('mine');
      },
      complete: () => told.push('complete'),
    });
    await stage.clock.advance(1);

    expect(told).toEqual([{ data: 1 }, 'complete']);
    expect(thrown).toEqual([new Error('mine')]);
  });

  it.each(['unsubscribe', 'return', 'signal', 'iterator'] as const)(
    'is stopped once, by %s',
    async (means) => {
      const stage = createStage();
      const controller = new AbortController();
      const handle = stage.client.subscribe({ query, signal: controller.signal });
      const iterator = means === 'iterator' ? handle[Symbol.asyncIterator]() : undefined;
      const subscription = iterator ? undefined : handle.subscribe({});
      const pending = iterator?.next();
      await stage.clock.advance(1);

      const stops = {
        unsubscribe: () => subscription?.unsubscribe(),
        return: () => handle.return(),
        signal: () => controller.abort(),
        iterator: () => void iterator?.return?.(),
      };
      stops[means]();
      for (const stop of Object.values(stops)) stop();
      await stage.clock.advance(1);

      expect(stage.network.link.sent.slice(2)).toEqual(['{"id":"1","type":"complete"}']);
      expect(await pending).toEqual(iterator && { done: true, value: undefined });
      expect(handle.status.current).toBe('ended');
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    },
  );

  it('that is cancelled before the ack is never sent', async () => {
    const stage = createStage({ answer: () => {} });
    const { handle } = observe(stage);
    await stage.clock.advance(1);
    handle.return();
    stage.network.link.push({ type: 'connection_ack' });
    await stage.clock.advance(1);

    expect(stage.network.link.sent).toEqual(['{"type":"connection_init"}']);
  });

  it('is ready once it was sent, and live', async () => {
    const stage = createStage({ answer: () => {} });
    const handle = stage.client.subscribe({ query });
    const { ready } = handle;
    await stage.clock.advance(1);
    expect(await stateOf(ready)).toBe('pending');
    expect(handle.status.current).toBe('connecting');

    stage.network.link.push({ type: 'connection_ack' });
    await stage.clock.advance(1);
    expect(await ready).toEqual({ confirmed: false });
    expect(handle.status.current).toBe('live');
  });

  it('keeps what came while nobody but `ready` asked', async () => {
    const stage = createStage({ answer: answerWith({ data: 1 }) });
    const handle = stage.client.subscribe({ query });
    await Promise.all([handle.ready, stage.clock.advance(1)]);
    const told: unknown[] = [];
    handle.subscribe({
      next: (result) => told.push(result),
      complete: () => told.push('complete'),
    });

    expect(told).toEqual([{ data: 1 }, 'complete']);
  });

  it('that cannot be written fails alone', async () => {
    const stage = createStage();
    const other = observe(stage);
    const failing = settled(stage.client.query({ query: '{ a }', variables: { big: 1n } }));
    await stage.clock.advance(1);

    expect(await failing).toMatchObject({ code: 'CLIENT_ERROR', cause: expect.any(TypeError) });
    expect(other.told).toEqual([]);
    expect(running(stage.network.link)).toEqual(['1']);
  });

  it('that cannot be written on an open connection stays ended', async () => {
    const stage = createStage();
    observe(stage);
    await stage.clock.advance(1);
    const handle = stage.client.subscribe({ query, variables: { big: 1n } });
    const told: unknown[] = [];
    handle.subscribe({ error: (error) => told.push(error) });

    expect(told).toMatchObject([{ code: 'CLIENT_ERROR', cause: expect.any(TypeError) }]);
    expect(handle.status.current).toBe('ended');
    await expect(handle.ready).rejects.toThrow();
  });

  it('that a transport completes at once stays ended', async () => {
    const transport: Transport = {
      isShared: true,
      connect: (_settings, listener) => {
        queueMicrotask(() => listener.connected());
        return {
          start: (_operation, sink) => {
            sink.next({ data: 1 });
            sink.complete();
            return () => {};
          },
          close: () => {},
        };
      },
    };
    const stage = createStage({ client: { transport } });
    const handles = [stage.client.subscribe({ query }), stage.client.subscribe({ query })];
    handles[0]?.subscribe({});
    await stage.clock.settle();
    handles[1]?.subscribe({});

    expect(handles.map(({ status }) => status.current)).toEqual(['ended', 'ended']);
  });

  it('that is cancelled while it starts is stopped', async () => {
    let stops = 0;
    const transport: Transport = {
      isShared: true,
      connect: () => ({
        start: (_operation, sink) => {
          sink.next({ data: 1 });
          return () => {
            stops += 1;
          };
        },
        close: () => {},
      }),
    };
    const handle = createStage({ client: { transport } }).client.subscribe({ query });
    handle.subscribe(() => handle.return());

    expect(stops).toBe(1);
  });

  it('that was returned before it was read is an ended iteration', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query });
    handle.return();

    expect(await stateOf(handle[Symbol.asyncIterator]().next())).toBe('fulfilled');
  });

  it('that was returned after `ready` was read is an ended iteration', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query });
    const { ready } = handle;
    handle.return();

    expect(await stateOf(ready)).toBe('rejected');
    expect(await stateOf(handle[Symbol.asyncIterator]().next())).toBe('fulfilled');
    await stage.clock.advance(1);
    expect(stage.heard.filter(({ message }) => message.type === 'subscribe')).toEqual([]);
  });

  it('whose signal was aborted before is an ended iteration, and a query rejects with the reason', async () => {
    const stage = createStage();
    const signal = AbortSignal.abort(new Error('enough'));

    const next = stage.client.subscribe({ query, signal })[Symbol.asyncIterator]().next();
    expect(await next).toEqual({ done: true, value: undefined });
    await expect(stage.client.query({ query: '{ a }', signal })).rejects.toThrow('enough');
    expect(stage.network.links).toEqual([]);
  });

  it('hands nothing over after return()', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query });
    await Promise.all([handle.ready, stage.clock.advance(1)]);
    for (const data of [1, 2])
      stage.network.link.push({ id: '1', type: 'next', payload: { data } });
    await stage.clock.advance(1);
    const told: unknown[] = [];
    handle.subscribe({
      next: (result) => {
        told.push(result);
        handle.return();
      },
      complete: () => told.push('complete'),
    });

    expect(told).toEqual([{ data: 1 }]);
  });

  it('overflows a buffer that nobody reads, and the server is told once', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query, buffer: { capacity: 2 } });
    await Promise.all([handle.ready, stage.clock.advance(1)]);
    for (const data of [1, 2, 3, 4]) {
      stage.network.link.push({ id: '1', type: 'next', payload: { data } });
    }
    await stage.clock.advance(1);
    const iterator = handle[Symbol.asyncIterator]();

    expect(await iterator.next()).toEqual({ done: false, value: { data: 1 } });
    expect(await iterator.next()).toEqual({ done: false, value: { data: 2 } });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'BUFFER_OVERFLOW' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(stage.network.link.sent.slice(2)).toEqual(['{"id":"1","type":"complete"}']);
  });
});

describe('a lost connection', () => {
  it('comes back after a pause, with all subscriptions and without the queries', async () => {
    const stage = createStage();
    const subscriptions = [observe(stage), observe(stage)];
    const mutation = settled(stage.client.mutate({ query: 'mutation { a }' }));
    const renamed = observe(stage, { query: '# a mutation\n mutation { a }' });
    await stage.clock.advance(1);
    stage.network.link.cut();
    await stage.clock.advance(0);

    expect(await mutation).toMatchObject({ code: 'CONNECTION_LOST', closeCode: 1006 });
    expect(renamed.told).toMatchObject([{ code: 'CONNECTION_LOST' }]);
    expect(subscriptions.map(({ handle }) => handle.status.current)).toEqual([
      'reconnecting',
      'reconnecting',
    ]);
    await stage.clock.advance(499);
    expect(stage.network.links).toHaveLength(1);
    await stage.clock.advance(2);
    expect(stage.network.links).toHaveLength(2);
    expect(running(stage.network.link)).toEqual(['1', '2']);
    expect(subscriptions.flatMap(({ told }) => told)).toEqual([]);
  });

  // with 26 of them a bad expression takes a second, with 28 four
  it.each([
    ['subscription { a }', 'reconnecting'],
    [`${'#'.repeat(26)}\n${' #'.repeat(26)}\n,\ufeffsubscription { a }`, 'reconnecting'],
    ['# mutation\r# mutation\n{ mutation }', 'reconnecting'],
    ['mutationOf: subscription', 'reconnecting'],
    ['mutation{ a }', 'ended'],
    [`${'#'.repeat(26)}\n,\ufeff\t# \u2028 subscription {\r\nmutation M { a }`, 'ended'],
  ])('looks for a mutation behind blanks and comments: %j', async (text, state) => {
    const stage = createStage();
    const startedAt = performance.now();
    const { handle } = observe(stage, { query: text });
    expect(performance.now() - startedAt).toBeLessThan(500);
    await stage.clock.advance(1);
    stage.network.link.cut();
    await stage.clock.advance(1);

    expect(handle.status.current).toBe(state);
  });

  it('waits until the server wants to be asked again', async () => {
    const stage = createStage();
    observe(stage);
    await stage.clock.advance(1);
    stage.network.link.hangUp(1013, 'retry-after: 7');
    await stage.clock.advance(7_499);
    expect(stage.network.links).toHaveLength(1);

    await stage.clock.advance(2);
    expect(stage.network.links).toHaveLength(2);
  });

  it.each([1002, 4400, 4401, 4406, 4409, 4429])('stays lost for code %i', async (code) => {
    const stage = createStage();
    const { told } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.hangUp(code, 'why');
    await stage.clock.advance(100_000);

    expect(told).toMatchObject([
      { code: 'CONNECTION_REFUSED', closeCode: code, reason: 'why', retryable: false },
    ]);
    expect(stage.network.links).toHaveLength(1);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });

  it('is tried once more with fresh parameters after a refusal', async () => {
    const params: number[] = [];
    const stage = createStage({
      client: { connectionParams: () => ({ turn: params.push(0) }) },
      answer: (link) => link.hangUp(4403, 'Forbidden'),
    });
    const { told } = observe(stage);
    await stage.clock.advance(100_000);

    expect(stage.heard.map(({ message }) => message.payload)).toEqual([{ turn: 1 }, { turn: 2 }]);
    expect(told).toMatchObject([{ closeCode: 4403 }]);
  });

  it('is tried once more after a refusal, however often the network failed before', async () => {
    const stage = createStage({
      client: { connectionParams: () => ({}) },
      answer: (link) => link.hangUp(4403, 'Forbidden'),
    });
    stage.network.dial = 'refuse';
    const { told } = observe(stage);
    await stage.clock.advance(10_000);
    expect(stage.network.links.length).toBeGreaterThan(2);
    stage.network.dial = 'open';
    await stage.clock.advance(100_000);

    expect(stage.heard).toHaveLength(2);
    expect(told).toMatchObject([{ closeCode: 4403 }]);
  });

  it('comes back when credentials expire soon after it came back', async () => {
    const stage = createStage({ client: { connectionParams: () => ({}) } });
    const { told } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.cut();
    await stage.clock.advance(1_000);
    stage.network.link.hangUp(4403, 'Forbidden');
    await stage.clock.advance(10_000);

    expect(told).toEqual([]);
    expect(running(stage.network.link)).toEqual(['1']);
  });

  it('is found out by silence after a ping', async () => {
    const stage = createStage();
    const { handle } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.stall();
    await stage.clock.advance(59_998);
    expect(handle.status.current).toBe('live');

    await stage.clock.advance(3);
    expect(handle.status.current).toBe('reconnecting');
    expect(stage.network.links[0]?.closing).toEqual({ code: 4499, reason: 'Terminated' });
  });

  it('that could not be opened in time is tried again', async () => {
    const stage = createStage();
    stage.network.dial = 'hang';
    const { told } = observe(stage);
    await stage.clock.advance(10_000);
    stage.network.dial = 'open';
    await stage.clock.advance(501);

    expect(told).toEqual([]);
    expect(stage.network.links).toHaveLength(2);
    expect(running(stage.network.link)).toEqual(['1']);
  });

  it('ends operations if the predicate that decides about them throws', async () => {
    const thrown: unknown[] = [];
    const stage = createStage({
      client: {
        retry: {
          shouldRetry: () => {
            throw new Error('mine');
          },
        },
        onInternalError: (error) => thrown.push(error),
      },
    });
    const { told } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.cut();
    // it may escape: what counts is that nobody waits for ever
    await stage.clock.advance(100_000).catch((error: unknown) => thrown.push(error));

    expect(told).toHaveLength(1);
    expect(thrown).toEqual([new Error('mine')]);
  });

  it.each([
    ['url', { url: () => Promise.reject(new Error('mine')) }],
    ['connectionParams', { connectionParams: () => Promise.reject(new Error('mine')) }],
    ['connectionParams that JSON cannot hold', { connectionParams: { big: 1n } }],
  ] as const)('fails for good if the application fails to give the %s', async (_what, client) => {
    const stage = createStage({ client });
    const { told } = observe(stage);
    await stage.clock.advance(100_000);

    expect(told).toMatchObject([{ code: 'CLIENT_ERROR', cause: expect.any(Error) }]);
    expect(stage.clock.timerCount).toBe(0);
  });
});

describe('reconnect()', () => {
  it('does nothing without a connection', async () => {
    const stage = createStage();
    stage.client.reconnect();
    await stage.clock.advance(1);

    expect(stage.network.links).toEqual([]);
  });

  it('connects anew with fresh parameters', async () => {
    const params: number[] = [];
    const stage = createStage({ client: { connectionParams: () => ({ turn: params.push(0) }) } });
    const { told } = observe(stage);
    await stage.clock.advance(1);
    stage.client.reconnect();
    await stage.clock.advance(1);

    expect(stage.network.links).toHaveLength(2);
    expect(stage.network.inUse).toHaveLength(1);
    expect(running(stage.network.link)).toEqual(['1']);
    expect(params).toHaveLength(2);
    expect(told).toEqual([]);
  });

  it('waits for queries and mutations that run', async () => {
    const stage = createStage();
    observe(stage);
    void stage.client.query({ query: '{ a }' });
    await stage.clock.advance(1);
    stage.client.reconnect();
    await stage.clock.advance(1);
    expect(stage.network.links).toHaveLength(1);

    stage.network.link.push({ id: '2', type: 'next', payload: { data: 1 } });
    stage.network.link.push({ id: '2', type: 'complete' });
    await stage.clock.advance(1);
    expect(stage.network.links).toHaveLength(2);
    expect(running(stage.network.link)).toEqual(['1']);
  });

  it('keeps no connection for the next operation that it could not renew before', async () => {
    const stage = createStage();
    void stage.client.query({ query: '{ a }' });
    await stage.clock.advance(1);
    stage.client.reconnect();
    stage.network.link.push({ id: '1', type: 'next', payload: { data: 1 } });
    stage.network.link.push({ id: '1', type: 'complete' });
    await stage.clock.advance(1);
    void stage.client.query({ query: '{ b }' });
    await stage.clock.advance(1);

    expect(stage.network.links).toHaveLength(2);
  });

  it('leaves nothing behind when nobody needs the connection', async () => {
    const stage = createStage();
    observe(stage).handle.return();
    const other = observe(stage);
    await stage.clock.advance(1);
    other.handle.return();
    stage.client.reconnect();
    await stage.clock.advance(1);

    expect(stage.network.inUse).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });
});

describe('hooks', () => {
  it('may call reconnect() when connected', async () => {
    let turns = 0;
    const stage = createStage({
      client: {
        onConnected: () => {
          turns += 1;
          if (turns === 1) stage.client.reconnect();
        },
      },
      answer: (link, { type }) => {
        if (type === 'connection_init' && turns === 0) link.push({ type: 'connection_ack' });
      },
    });
    const { handle } = observe(stage);
    await stage.clock.advance(1);

    expect(stage.network.links).toHaveLength(2);
    expect(handle.status.current).not.toBe('live');
  });

  it('may wake the client when disconnected', async () => {
    const stage = createStage({ client: { onDisconnected: () => stage.wake() } });
    const { handle } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.cut();
    await stage.clock.advance(1);
    expect(stage.network.inUse).toHaveLength(1);
    expect(handle.status.current).toBe('live');

    handle.return();
    await stage.clock.advance(1);
    expect(running(stage.network.link)).toEqual([]);
  });

  it('are told of connections, and what they throw disturbs nobody', async () => {
    const told: unknown[] = [];
    const thrown: unknown[] = [];
    const fail = (...values: unknown[]): never => {
      told.push(values);
      throw new Error('mine');
    };
    const stage = createStage({
      client: {
        onConnected: fail,
        onDisconnected: fail,
        onProtocolViolation: fail,
        onInternalError: (error) => thrown.push(error),
      },
      answer: (link, { type }) => {
        if (type === 'connection_init') link.push({ type: 'connection_ack', payload: { a: 1 } });
        else link.push('not JSON');
      },
    });
    const { told: results } = observe(stage);
    await stage.clock.advance(1);
    stage.network.link.hangUp(1001);
    await stage.clock.advance(1);

    expect(told).toEqual([
      [{ a: 1 }],
      [expect.any(String)],
      [expect.objectContaining({ closeCode: 1001 }), 500],
    ]);
    expect(thrown).toHaveLength(3);
    expect(results).toEqual([]);
  });
});

describe('a held connection', () => {
  it('is open until it is closed, and comes back when it is lost', async () => {
    const stage = createStage({
      client: { idleTimeoutMs: 1_000 },
      answer: (link) => link.push({ type: 'connection_ack', payload: { a: 1 } }),
    });
    const connecting = stage.client.connect({ connectionParams: { token: 't' } });
    await stage.clock.advance(1);
    const held = await connecting;
    expect(held.ackPayload).toEqual({ a: 1 });
    expect(stage.heard[0]?.message.payload).toEqual({ token: 't' });

    await stage.clock.advance(5_000);
    expect(stage.network.inUse).toHaveLength(1);
    stage.network.link.cut();
    await stage.clock.advance(501);
    expect(stage.network.inUse).toHaveLength(1);
    expect(stage.network.links).toHaveLength(2);

    held.close();
    await stage.clock.advance(1);
    expect(stage.network.inUse).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });

  it('rejects if the first attempt fails, which is the only one', async () => {
    const stage = createStage();
    stage.network.dial = 'refuse';
    const connecting = settled(stage.client.connect());
    await stage.clock.advance(100_000);

    expect(await connecting).toMatchObject({ name: 'TransportError', code: 'CONNECTION_LOST' });
    expect(stage.network.links).toHaveLength(1);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });

  it('rejects with the reason if it is aborted, and closes', async () => {
    const stage = createStage({ answer: () => {} });
    const controller = new AbortController();
    const connecting = settled(stage.client.connect({ signal: controller.signal }));
    await stage.clock.advance(1);
    const reason = new Error('enough');
    controller.abort(reason);
    await stage.clock.advance(1);

    expect(await connecting).toBe(reason);
    expect(stage.network.inUse).toEqual([]);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('rejects if its client is closed meanwhile', async () => {
    const stage = createStage({ answer: () => {} });
    const controller = new AbortController();
    const connecting = settled(stage.client.connect({ signal: controller.signal }));
    await stage.clock.advance(1);
    stage.client.close();

    expect(await connecting).toMatchObject({ name: 'TransportError', code: 'NORMAL_CLOSURE' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('is not to be had from a client that was closed', async () => {
    const stage = createStage();
    stage.client.close();
    const connecting = settled(stage.client.connect());
    await stage.clock.advance(1);

    expect(await connecting).toMatchObject({ name: 'UsageError' });
    expect(stage.network.links).toEqual([]);
  });

  it('is not to be had from a transport that shares none', async () => {
    const transport: Transport = {
      isShared: false,
      connect: () => ({ start: () => () => {}, close: () => {} }),
    };

    await expect(createStage({ client: { transport } }).client.connect()).rejects.toMatchObject({
      name: 'UsageError',
    });
  });
});

describe('close()', () => {
  it('ends subscriptions as if the server had, and closes the connection', async () => {
    const stage = createStage();
    const { told } = observe(stage);
    const iterator = stage.client.subscribe({ query })[Symbol.asyncIterator]();
    const next = iterator.next();
    await stage.clock.advance(1);
    stage.client.close();
    stage.client.close();
    await stage.clock.advance(1);

    expect(told).toEqual(['complete']);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(stage.network.link.closing).toEqual({ code: 1000, reason: 'Normal Closure' });
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });

  it('rejects a query that runs with a TransportError', async () => {
    const stage = createStage();
    const result = settled(stage.client.query({ query: '{ a }' }));
    await stage.clock.advance(1);
    stage.client.close();

    expect(await result).toMatchObject({ name: 'TransportError' });
  });

  it('lets nothing be started after it', async () => {
    const stage = createStage();
    const handle = stage.client.subscribe({ query });
    stage.client.close();

    expect(() => stage.client.subscribe({ query }).subscribe({})).toThrow('closed');
    await expect(stage.client.query({ query: '{ a }' })).rejects.toMatchObject({
      name: 'UsageError',
    });
    await expect(handle[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      name: 'UsageError',
    });
    expect(stage.network.links).toEqual([]);
  });

  it('lets `ready` reject, each time that it is read', async () => {
    const stage = createStage();
    stage.client.close();
    const handle = stage.client.subscribe({ query });

    const outcomes = [readiness(handle), readiness(handle)];
    expect(await Promise.all(outcomes.map(stateOf))).toEqual(['rejected', 'rejected']);
  });
});

async function readiness(handle: OperationHandle<unknown>): Promise<unknown> {
  return handle.ready;
}

describe('an idle connection', () => {
  it('is kept for a while', async () => {
    const stage = createStage({ client: { idleTimeoutMs: 1_000 } });
    observe(stage).handle.return();
    const first = observe(stage);
    await stage.clock.advance(1);
    first.handle.return();
    await stage.clock.advance(999);
    const second = observe(stage);
    await stage.clock.advance(5_000);
    expect(stage.network.inUse).toHaveLength(1);

    second.handle.return();
    await stage.clock.advance(1_000);
    expect(stage.network.inUse).toEqual([]);
    expect(stage.network.links).toHaveLength(1);
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.watchers()).toBe(0);
  });

  it('is not kept at all with 0, and for ever with Infinity', async () => {
    const stages = [0, Number.POSITIVE_INFINITY].map((idleTimeoutMs) =>
      createStage({ client: { idleTimeoutMs }, socket: { pingAfterMs: Number.POSITIVE_INFINITY } }),
    );
    for (const stage of stages) {
      const { handle } = observe(stage);
      await stage.clock.advance(1);
      handle.return();
      await stage.clock.advance(1_000_000);
    }

    expect(stages.map(({ network }) => network.inUse.length)).toEqual([0, 1]);
  });
});

describe('a client with two transports', () => {
  it('sends queries one way and subscriptions the other', async () => {
    const started: string[] = [];
    const transport = (name: string, isShared: boolean): Transport => ({
      isShared,
      connect: (_settings, listener) => {
        queueMicrotask(() => listener.connected());
        return {
          start: ({ kind }, sink) => {
            started.push(`${name} ${kind}`);
            queueMicrotask(() => {
              sink.next({ data: name });
              sink.complete();
            });
            return () => {};
          },
          close: () => started.push(`${name} closed`),
        };
      },
    });
    const client = createClient({
      url: '/',
      transport: { queries: transport('a', false), subscriptions: transport('b', true) },
    });
    await client.query({ query: '{ a }' });
    await client.mutate({ query: 'mutation { a }' });
    const results: unknown[] = [];
    for await (const result of client.subscribe({ query })) results.push(result);
    client.close();

    expect(started).toEqual([
      'a query',
      'a closed',
      'a mutation',
      'a closed',
      'b subscription',
      'b closed',
    ]);
    expect(results).toEqual([{ data: 'b' }]);
  });
});
