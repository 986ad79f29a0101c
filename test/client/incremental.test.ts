import { createClient, TransportError } from 'millrace/client';
import type { Client, ClientOptions, OperationResult, Transport } from 'millrace/client';
import { incrementalDelivery } from 'millrace/client/incremental';
import type { IncrementalOptions } from 'millrace/client/incremental';
import { multipart } from 'millrace/client/multipart';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, scriptedPeer } from 'millrace/testing';
import type { ScriptedPeer } from 'millrace/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResponseStage, failure } from '../support/response-stage.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

const query = '{ a ... @defer { b } }';

const first = { data: { a: 1 }, pending: [{ id: '0', path: [] }], hasNext: true };
const last = {
  hasNext: false,
  incremental: [{ id: '0', data: { b: 2 } }],
  completed: [{ id: '0' }],
};
const shownFirst = { data: { a: 1 }, hasNext: true };
const shownLast = { data: { a: 1, b: 2 }, hasNext: false };

interface Stage {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly peer: ScriptedPeer;
  /** What an observer of the query is told. */
  readonly told: readonly unknown[];
  /** Starts the query as one that somebody watches, and sends these payloads. */
  readonly watch: (...payloads: readonly object[]) => Promise<() => void>;
  readonly send: (...payloads: readonly object[]) => Promise<void>;
  readonly complete: () => Promise<void>;
}

interface StageOptions extends IncrementalOptions, Pick<ClientOptions, 'resume' | 'retry'> {
  /** In place of the wrapper. */
  readonly transport?: (plain: Transport) => Transport;
}

function stage({ transport: wrap, resume, retry = false, ...options }: StageOptions = {}): Stage {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const plain = websocket({ WebSocket: peer.WebSocket });
  const transport = wrap ? wrap(plain) : incrementalDelivery(plain, options);
  const client = createClient({
    url: 'ws://peer.test/',
    transport,
    clock,
    retry,
    ...(resume && { resume }),
  });
  onTestFinished(() => client.close());
  const told: unknown[] = [];
  const send: Stage['send'] = async (...payloads) => {
    peer.send(...payloads.map((payload) => ({ id: '1', type: 'next', payload })));
    await clock.settle();
  };
  return {
    client,
    clock,
    peer,
    told,
    send,
    async complete() {
      peer.send({ id: '1', type: 'complete' });
      await clock.settle();
    },
    async watch(...payloads) {
      const subscription = client.subscribe({ query }).subscribe({
        next: (result) => told.push(result),
        error: (error) => told.push(error),
        complete: () => told.push('complete'),
      });
      await started(peer);
      await send(...payloads);
      return () => subscription.unsubscribe();
    },
  };
}

async function started(peer: ScriptedPeer): Promise<void> {
  await peer.acknowledge();
  await peer.expect({ type: 'subscribe' });
}

describe('a query that is watched', () => {
  it('ID-50 gives a result for each part that brings something', async () => {
    const { watch, complete, told } = stage();
    await watch(first, { hasNext: true }, last);
    await complete();

    expect(told).toEqual([shownFirst, shownLast, 'complete']);
  });

  it('ID-54 is over with a last word that says nothing else, without the same result again', async () => {
    const { watch, complete, told } = stage();
    await watch(first, { ...last, hasNext: true }, { hasNext: false });
    await complete();

    expect(told).toEqual([shownFirst, { ...shownLast, hasNext: true }, 'complete']);
  });

  it('ID-59 fails if it is complete before its last part, and what came was given', async () => {
    const { watch, complete, told } = stage();
    await watch(first);
    await complete();

    expect(told).toEqual([shownFirst, failure('BAD_RESPONSE', { retryable: false })]);
  });

  it('ID-59 fails with its connection, and what came was given', async () => {
    const { watch, clock, peer, told } = stage();
    await watch(first);
    peer.close(1001, '');
    await clock.settle();

    expect(told).toEqual([shownFirst, failure('CONNECTION_LOST', { closeCode: 1001 })]);
  });

  it('ID-59 ends with the errors of the server, where it says some', async () => {
    const { watch, clock, peer, told } = stage();
    await watch(first);
    peer.send({ id: '1', type: 'error', payload: [{ message: 'no more' }] });
    await clock.settle();

    expect(told).toEqual([shownFirst, { errors: [{ message: 'no more' }] }, 'complete']);
  });

  it('ID-63 fails by a part that was not announced: the server is told to stop, and the connection goes on', async () => {
    const { client, clock, watch, send, peer, told } = stage();
    await watch(first, { hasNext: true, incremental: [{ id: '7', data: {} }] });

    expect(told).toEqual([shownFirst, failure('BAD_RESPONSE', { retryable: false })]);
    await peer.expect({ id: '1', type: 'complete' });

    await send(last);
    expect(told).toHaveLength(2);

    const next = client.query({ query: '{ a }' });
    await peer.expect({ id: '2', type: 'subscribe' });
    peer.send({ id: '2', type: 'next', payload: { data: { a: 1 } } });
    await clock.settle();
    expect(await next).toEqual({ data: { a: 1 } });
  });

  it('ID-64 tells the server to stop if it is left', async () => {
    const { watch, send, peer, told } = stage();
    const leave = await watch(first);
    leave();

    await peer.expect({ id: '1', type: 'complete' });
    await send(last);
    expect(told).toEqual([shownFirst]);
  });

  it('begins anew on another connection', async () => {
    const clock = new VirtualClock();
    const peer = scriptedPeer({ clock });
    const transport = incrementalDelivery(websocket({ WebSocket: peer.WebSocket }));
    const retry = { minDelayMs: 1, maxDelayMs: 1 };
    const client = createClient({ url: 'ws://peer.test/', transport, clock, retry });
    onTestFinished(() => client.close());
    const told: unknown[] = [];
    client.subscribe({ query }).subscribe((result) => told.push(result));
    await started(peer);
    peer.send({ id: '1', type: 'next', payload: first });
    await clock.settle();
    peer.close(1001, '');
    await clock.advance(5);
    await started(peer);
    for (const payload of [first, last]) peer.send({ id: '1', type: 'next', payload });
    await clock.settle();

    expect(told).toEqual([shownFirst, shownFirst, shownLast]);
  });
});

/** What a query that somebody waits for gives for these payloads, and the end behind them. */
async function ask(...payloads: readonly object[]): Promise<OperationResult> {
  const { client, peer, send, complete } = stage();
  const asked = client.query({ query });
  asked.catch(() => {});
  await started(peer);
  await send(...payloads);
  await complete();
  return asked;
}

describe('a query that somebody waits for', () => {
  it('gives the whole, whichever payload is the last', async () => {
    expect(await ask(first, last)).toEqual(shownLast);
    expect(await ask(first, { ...last, hasNext: true }, { hasNext: false })).toEqual(shownLast);
    expect(await ask({ ...first, ...last })).toEqual(shownLast);
  });

  it('ID-57 gives the errors of a part that failed beside the rest', async () => {
    const errors = [{ message: 'boom', path: ['b'] }];

    expect(await ask(first, { hasNext: false, completed: [{ id: '0', errors }] })).toEqual({
      data: { a: 1 },
      errors,
      hasNext: false,
    });
  });

  it('ID-59 fails if a part is missing in the end', async () => {
    await expect(ask(first)).rejects.toEqual(failure('BAD_RESPONSE', { retryable: false }));
  });

  it('fails if there was nothing but an end', async () => {
    await expect(ask({ hasNext: false })).rejects.toEqual(failure('BAD_RESPONSE'));
  });

  it('is shown to `onResult` once, as a whole', async () => {
    const clock = new VirtualClock();
    const peer = scriptedPeer({ clock });
    const transport = incrementalDelivery(websocket({ WebSocket: peer.WebSocket }));
    const seen: unknown[] = [];
    const onResult = (result: unknown): void => void seen.push(result);
    const client = createClient({ url: 'ws://peer.test/', transport, clock, onResult });
    onTestFinished(() => client.close());
    const asked = client.query({ query });
    await started(peer);
    for (const payload of [first, last]) peer.send({ id: '1', type: 'next', payload });
    await asked;

    expect(seen).toEqual([shownLast]);
  });
});

const list = (...items: readonly number[]) => ({ data: { list: items }, hasNext: true });
const begin = { ...list(), pending: [{ id: '0', path: ['list'] }] };
const item = (n: number) => ({ hasNext: true, incremental: [{ id: '0', items: [n] }] });
const listEnd = { hasNext: false, completed: [{ id: '0' }] };

describe('without it', () => {
  it('parts are given as they come to who watches, and a query has no result', async () => {
    const { clock, client, peer, told, watch } = stage({ transport: (plain) => plain });
    await watch(first, last);
    expect(told).toEqual([first, last]);

    const asked = client.query({ query });
    asked.catch(() => {});
    await peer.expect({ id: '2', type: 'subscribe' });
    for (const payload of [first, last]) peer.send({ id: '2', type: 'next', payload });
    peer.send({ id: '2', type: 'complete' });
    await clock.settle();

    await expect(asked).rejects.toEqual(failure('BAD_RESPONSE'));
  });
});

describe('an interval', () => {
  it('has what came meanwhile shown at its end, and the last at once', async () => {
    const { watch, send, complete, clock, told } = stage({ intervalMs: 100 });
    await watch(begin, item(1), item(2));
    expect(told).toEqual([list()]);

    await clock.advance(99);
    expect(told).toHaveLength(1);

    await clock.advance(1);
    expect(told.slice(1)).toEqual([list(1, 2)]);

    await send(item(3));
    expect(told).toHaveLength(2);

    await send(listEnd);
    await complete();
    expect(told.slice(2)).toEqual([{ ...list(1, 2, 3), hasNext: false }, 'complete']);
  });

  it('does not begin again as long as nothing comes', async () => {
    const { watch, send, clock, told } = stage({ intervalMs: 100 });
    await watch(begin);
    await clock.advance(250);
    await send(item(1));

    expect(told).toEqual([list(), list(1)]);
  });

  it('ID-59 does not keep anything back from who is told of a failure', async () => {
    for (const act of ['complete', 'close', 'error', 'violate'] as const) {
      const { watch, send, complete, clock, peer, told } = stage({ intervalMs: 100 });
      await watch(begin, item(1));
      if (act === 'complete') await complete();
      else if (act === 'close') peer.close(1001, '');
      else if (act === 'error') peer.send({ id: '1', type: 'error', payload: [{ message: 'no' }] });
      else await send({ hasNext: true, completed: [{ id: '7' }] });
      await clock.advance(1_000);

      expect(told.slice(0, 2)).toEqual([list(), list(1)]);
      expect(told[2]).toEqual(
        act === 'error' ? { errors: [{ message: 'no' }] } : expect.any(TransportError),
      );
    }
  });

  it('ID-64 shows nothing to who has left', async () => {
    const { watch, client, clock, told } = stage({ intervalMs: 100 });
    const leave = await watch(begin, item(1));
    leave();
    client.close();
    await clock.advance(1_000);

    expect(told).toEqual([list()]);
  });

  it('says no more of a lost connection to who left it when shown the rest', async () => {
    const transport = new ScriptedTransport('shared');
    const clock = new VirtualClock();
    const lost: unknown[] = [];
    const client = createClient({
      url: 'http://server.test/',
      transport: incrementalDelivery(transport, { intervalMs: 100 }),
      clock,
      onDisconnected: (reason) => lost.push(reason),
    });
    let shown = 0;
    client.subscribe({ query }).subscribe(() => {
      shown += 1;
      if (shown === 2) client.reconnect();
    });
    transport.last.serve();
    const [sink] = transport.last.started.keys();
    for (const payload of [begin, item(1)]) sink?.next(payload);
    transport.last.fail();
    client.close();

    expect([shown, transport.connections.length, lost]).toEqual([2, 2, []]);
    expect(transport.inUse).toEqual([]);
  });

  it('shows nothing of a connection that is replaced', async () => {
    const { watch, client, clock, told } = stage({ intervalMs: 100 });
    await watch(begin, item(1));
    client.reconnect();
    await clock.advance(1_000);

    expect(told).toEqual([list()]);
  });
});

describe('a subscription', () => {
  it.each([
    ['brings something', last, []],
    ['says nothing else', { ...last, hasNext: true }, [{ hasNext: false }]],
  ])('that can be resumed goes on behind an event whose last word %s', async (_, part, rest) => {
    const { watch, peer, clock, told } = stage({ resume: resumable(), retry: {} });
    const extensions = { resume: { token: 't1' } };
    await watch({ ...first, extensions }, part, ...rest);
    peer.drop();
    await clock.advance(1_000);
    await peer.acknowledge();

    expect(told.at(-1)).toEqual(shownLast);
    expect(await peer.expect({ type: 'subscribe' })).toMatchObject({ payload: { extensions } });
  });

  it('gives its results as they are', async () => {
    const { watch, complete, told } = stage();
    const events = [{ data: { n: 1 } }, { data: null, errors: [{ message: 'flaky' }] }];
    await watch(...events);
    await complete();

    expect(told).toEqual([...events, 'complete']);
  });
});

const part = (text: string): string => `\r\ncontent-type: application/json\r\n\r\n${text}\r\n---`;
const parts = (...payloads: readonly object[]): string =>
  payloads.map((payload) => part(JSON.stringify(payload))).join('');

const play = (): ResponseStage =>
  new ResponseStage((common) => incrementalDelivery(multipart(common)));

describe('over multipart/mixed', () => {
  const type = 'multipart/mixed; boundary="-"; incrementalSpec=v0.2';
  const opening = '\r\n---';
  const end = '--\r\n';

  it('ID-50 gives the whole of a query, and each result to who watches', async () => {
    for (const [kind, shown] of [
      ['query', [['next', shownLast]]],
      [
        'subscription',
        [
          ['next', shownFirst],
          ['next', shownLast],
        ],
      ],
    ] as const) {
      const response = play();
      const { heard } = await response.ask({ kind, query });
      await response.respond({ type }, opening, parts(first, last), end);

      expect(heard).toEqual(['connected', ...shown, 'complete']);
    }
  });

  it('ID-52 takes one plain result for the whole', async () => {
    const response = play();
    const { heard } = await response.ask({ kind: 'query', query });
    await response.answer('{"data":{"a":1,"b":2}}', { type: 'application/json' });

    expect(heard).toEqual(['connected', ['next', { data: { a: 1, b: 2 } }], 'complete']);
  });

  it.each([
    ['in an ordinary way', end, 'BAD_RESPONSE'],
    ['without the closing delimiter', '', 'CONNECTION_LOST'],
  ] as const)('ID-59 fails if it ends %s before the last part', async (_, rest, code) => {
    const response = play();
    const { heard } = await response.ask({ query });
    const { end: cut } = await response.respond({ type }, opening, parts(first), rest);
    await cut();

    expect(heard).toEqual([
      'connected',
      ['next', shownFirst],
      [code === 'BAD_RESPONSE' ? 'failed' : 'closed', failure(code)],
    ]);
  });

  it('ID-63 fails by a part without a place, and closes the response', async () => {
    const response = play();
    const { heard } = await response.ask({ kind: 'query', query });
    const { isReleased } = await response.respond(
      { type },
      opening,
      parts(first, { hasNext: false, incremental: [{ id: '0', subPath: ['x'], data: {} }] }),
    );

    expect(heard).toEqual(['connected', ['failed', failure('BAD_RESPONSE')]]);
    expect(isReleased).toBe(true);
  });

  it('fails by parts that nest more deeply than the stack', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    const response = play();
    const { heard } = await response.ask({ kind: 'query', query });
    await response.respond(
      { type },
      opening,
      part(`{"data":${deep},"hasNext":true}`),
      part(`{"incremental":[{"data":${deep},"path":[]}],"hasNext":false}`),
    );

    expect(heard).toEqual(['connected', ['failed', failure('BAD_RESPONSE')]]);
  });

  it('ID-64 aborts the request if it is left', async () => {
    const response = play();
    const { heard, stop } = await response.ask({ query });
    const { send } = await response.respond({ type }, opening, parts(first));
    stop();
    await send(parts(last), end);

    expect(heard).toEqual(['connected', ['next', shownFirst]]);
    expect(response.request.isAborted).toBe(true);
  });
});
