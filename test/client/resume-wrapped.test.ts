import { createClient } from 'millrace/client';
import type { ClientOptions, Transport } from 'millrace/client';
import { auto } from 'millrace/client/auto';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { resumable } from 'millrace/client/resume';
import { describe, expect, it } from 'vitest';

import { TransportError } from '../../src/client/transport-error.ts';
import type { ResultSink } from '../../src/client/transport.ts';
import { QuickClock } from '../support/client-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

const query = 'subscription { tick }';
const busy = new TransportError('CONNECTION_REFUSED', 'for a moment', true, { status: 429 });
const persistedQuery = { version: 1, sha256Hash: 'the hash' };

const tick = (count: number): object => ({ data: { tick: count } });

interface Stage {
  readonly clock: QuickClock;
  readonly plain: ScriptedTransport;
  readonly told: readonly unknown[];
  /** What the client says of its subscription now. */
  readonly status: () => unknown;
  /** The server acknowledges the connection, and listens. */
  readonly serve: () => Promise<void>;
  /** What the server was last asked with. */
  readonly request: () => unknown;
  /** The server has a result for it. */
  readonly send: (result: object) => Promise<void>;
}

/** A client that resumes, with a subscription, over a transport that says of each operation when it runs. */
async function subscribe(wrap: Wrapper['wrap']): Promise<Stage> {
  const clock = new QuickClock();
  const plain = new ScriptedTransport('shared', true);
  const client = createClient({
    url: 'http://server.test/graphql',
    transport: wrap(plain),
    resume: resumable(),
    clock,
    random: () => 0.5,
    signals: () => () => {},
  });
  const told: unknown[] = [];
  const handle = client.subscribe({ query });
  handle.subscribe({ next: (result) => told.push(result), error: (error) => told.push(error) });
  await clock.settle();
  const newest = () => {
    const entry = [...plain.last.started].at(-1);
    if (!entry) throw new Error('nothing was started');
    return entry;
  };
  const sink = (): ResultSink => newest()[0];
  return {
    clock,
    plain,
    told,
    status: () => handle.status.current,
    request: () => newest()[1].request,
    async serve() {
      if (plain.last.state === 'connecting') plain.last.serve();
      await clock.settle();
      sink().started?.();
      await clock.settle();
    },
    async send(result) {
      sink().next(result);
      await clock.settle();
    },
  };
}

/** An event, and where it stands. */
function event(count: number): object {
  return { ...tick(count), extensions: { resume: { token: `t${count}`, position: `${count}` } } };
}

const recovered = { extensions: { resume: { status: 'recovered' } } };

interface Wrapper {
  readonly wrap: (plain: Transport) => ClientOptions['transport'];
  /** A request for what follows a token. */
  readonly asking: (token: string) => unknown;
}

const wrappers: Readonly<Record<string, Wrapper>> = {
  'a choice of transports': {
    wrap: (plain) => auto([plain, new ScriptedTransport('single')]),
    asking: (token) => ({ query, extensions: { resume: { token } } }),
  },
  'persisted queries': {
    wrap: (plain) => persistedQueries(plain, { hash: () => persistedQuery.sha256Hash }),
    asking: (token) => ({ query: '', extensions: { resume: { token }, persistedQuery } }),
  },
  'persisted queries in a choice of transports': {
    wrap: (plain) =>
      auto([
        persistedQueries(plain, { hash: () => persistedQuery.sha256Hash }),
        new ScriptedTransport('single'),
      ]),
    asking: (token) => ({ query: '', extensions: { resume: { token }, persistedQuery } }),
  },
};

describe.each(Object.entries(wrappers))('a subscription over %s', (_, { wrap, asking }) => {
  it('is live when the server says that it runs', async () => {
    const { plain, clock, status, serve } = await subscribe(wrap);
    plain.last.serve();
    await clock.settle();

    expect(status()).toBe('connecting');
    await serve();
    expect(status()).toBe('live');
  });

  it('goes on where its results stopped when the connection was lost', async () => {
    const { plain, clock, told, status, serve, request, send } = await subscribe(wrap);
    await serve();
    await send(event(1));
    plain.last.fail();
    await clock.advance(1_000);
    await serve();

    expect(request()).toEqual(asking('t1'));
    await send(recovered);
    expect(status()).toBe('recovered');
    await send(event(1));
    await send(event(2));
    expect(told).toEqual([tick(1), tick(2)]);
  });

  it('goes on where its results stopped when it failed alone, on the same connection', async () => {
    const { plain, clock, told, status, serve, request, send } = await subscribe(wrap);
    await serve();
    await send(event(1));
    plain.last.failOne(busy);
    await clock.settle();

    expect(status()).toBe('reconnecting');
    await clock.advance(1_000);
    await serve();
    expect(request()).toEqual(asking('t1'));
    await send(event(2));
    expect(told).toEqual([tick(1), tick(2)]);
    expect(plain.connections).toHaveLength(1);
  });
});

describe('a subscription over persisted queries', () => {
  it('goes on where its results stopped at a server that has forgotten its text', async () => {
    const { plain, clock, told, serve, request, send } = await subscribe((transport) =>
      persistedQueries(transport, { hash: () => persistedQuery.sha256Hash }),
    );
    await serve();
    await send(event(1));
    plain.last.fail();
    await clock.advance(1_000);
    await serve();
    await send({ errors: [{ message: 'PersistedQueryNotFound' }] });

    expect(request()).toEqual({ query, extensions: { resume: { token: 't1' }, persistedQuery } });
    await send(event(2));
    expect(told).toEqual([tick(1), tick(2)]);
  });
});
