import { createHash } from 'node:crypto';

import { TransportError } from 'millrace/client';
import { http } from 'millrace/client/http';
import type { HttpOptions } from 'millrace/client/http';
import { persistedQueries } from 'millrace/client/persisted-queries';
import type { PersistedQueriesOptions } from 'millrace/client/persisted-queries';
import { sse } from 'millrace/client/sse';
import { uploads } from 'millrace/client/uploads';
import { describe, expect, it, vi } from 'vitest';

import { QuickClock } from '../support/client-clock.ts';
import { failure, ResponseStage } from '../support/response-stage.ts';
import { ScriptedTransport, unreachable } from '../support/scripted-transport.ts';
import { until } from '../support/waiting.ts';

const modern = 'application/graphql-response+json';
const query = '{ hello }';
const asked = { kind: 'query', query } as const;

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function reference(text: string): object {
  return { persistedQuery: { version: 1, sha256Hash: hashOf(text) } };
}

interface Staged extends HttpOptions, PersistedQueriesOptions {}

/** Hashes are made by Node, which takes no time. */
function stage({ hash = hashOf, texts = 'when-unknown', ...options }: Staged = {}): ResponseStage {
  return new ResponseStage((common) =>
    persistedQueries(http({ ...common, ...options }), { hash, texts }),
  );
}

const unknown = JSON.stringify({ errors: [{ message: 'PersistedQueryNotFound' }] });
const notTaken = JSON.stringify({
  errors: [{ message: 'no', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }],
});
const hello = { data: { hello: 'world' } };
const answered = ['connected', ['next', hello], 'complete'];

function bodiesOf(play: ResponseStage): readonly unknown[] {
  return play.requests.map(({ body }) => body);
}

describe('a persisted query', () => {
  it('is sent as its hash', async () => {
    const play = stage();
    const extensions = { trace: 1 };
    const { heard } = await play.ask({ ...asked, variables: { n: 1 }, extensions });
    await play.answer(JSON.stringify(hello), { type: modern });

    expect(bodiesOf(play)).toEqual([
      { variables: { n: 1 }, extensions: { trace: 1, ...reference(query) } },
    ]);
    expect(heard).toEqual(answered);
  });

  it('is sent with its text to a server that does not know the hash', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(unknown, { type: modern });
    await play.answer(JSON.stringify(hello), { type: modern });

    expect(bodiesOf(play)).toEqual([
      { extensions: reference(query) },
      { query, extensions: reference(query) },
    ]);
    expect(heard).toEqual(answered);
  });

  it.each([
    ['by a code', 200, { message: 'what?', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    ['by a message', 200, { message: 'PersistedQueryNotFound' }],
    ['by a status beside it', 404, { message: 'PersistedQueryNotFound' }],
    [
      'at length',
      400,
      { extensions: { trace: 'x'.repeat(2_000) }, message: 'PersistedQueryNotFound' },
    ],
  ])('is sent with its text to one that says so %s', async (_, status, error) => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(JSON.stringify({ errors: [error] }), { type: 'application/json', status });
    await play.answer(JSON.stringify(hello), { type: 'application/json' });

    expect(bodiesOf(play)).toHaveLength(2);
    expect(heard).toEqual(answered);
  });

  it('is sent as text to a server that takes no hashes, and so is every other from then on', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(notTaken, { type: modern });
    await play.answer(JSON.stringify(hello), { type: modern });
    await play.ask({ kind: 'query', query: '{ other }' });

    expect(bodiesOf(play)).toEqual([
      { extensions: reference(query) },
      { query },
      { query: '{ other }' },
    ]);
    expect(heard).toEqual(answered);
  });

  it('is sent as text to a server that finds out late that it takes no hashes', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(unknown, { type: modern });
    await play.answer(notTaken, { type: modern });
    await play.answer(JSON.stringify(hello), { type: modern });

    expect(bodiesOf(play).at(-1)).toEqual({ query });
    expect(heard).toEqual(answered);
  });

  it('is sent no third time', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(unknown, { type: modern });
    await play.answer(unknown, { type: modern });

    expect(play.requests).toHaveLength(2);
    expect(heard).toEqual(['connected', ['next', JSON.parse(unknown)], 'complete']);
  });

  it.each([
    { errors: [{ message: 'PersistedQueryNotFound', path: ['hello'] }] },
    { data: { hello: null }, errors: [{ message: 'PersistedQueryNotFound' }] },
    { errors: [{ message: 'Cannot query field "nope" on type "Query".' }] },
  ])('is not sent again for other errors: %j', async (result) => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(JSON.stringify(result), { type: modern });

    expect(play.requests).toHaveLength(1);
    expect(heard).toEqual(['connected', ['next', result], 'complete']);
  });

  it('is not sent again once a result came', async () => {
    const play = new ResponseStage((common) => persistedQueries(sse(common), { hash: hashOf }));
    const { heard } = await play.ask();
    const response = await play.respond({ type: 'text/event-stream' });
    await response.send('event: next\ndata: {"data":{"tick":1}}\n\n');
    await response.send(`event: next\ndata: ${unknown}\n\n`);

    expect(play.requests).toHaveLength(1);
    expect(heard).toHaveLength(3);
  });

  it('of a stream is sent again where the refusal is in the stream', async () => {
    const play = new ResponseStage((common) => persistedQueries(sse(common), { hash: hashOf }));
    const { heard } = await play.ask();
    await play.respond(
      { type: 'text/event-stream' },
      `event: next\ndata: ${unknown}\n\nevent: complete\ndata:\n\n`,
    );
    await play.respond({ type: 'text/event-stream' }, 'event: next\ndata: {"data":1}\n\n');

    expect(heard).toEqual(['connected', ['next', { data: 1 }]]);
  });

  it('of a stream is sent again where that stream has the status of a failure', async () => {
    const play = new ResponseStage((common) => persistedQueries(sse(common), { hash: hashOf }));
    const { heard } = await play.ask();
    await play.answer(`event: next\ndata: ${unknown}\n\n`, {
      type: 'text/event-stream',
      status: 404,
    });
    await play.respond({ type: 'text/event-stream' }, 'event: next\ndata: {"data":1}\n\n');

    expect(heard).toEqual(['connected', ['next', { data: 1 }]]);
  });

  it('is not sent again where a failure says nothing of it', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer('Not Found', { type: 'text/plain', status: 404 });

    expect(play.requests).toHaveLength(1);
    expect(heard).toEqual([['closed', failure('CONNECTION_REFUSED', { status: 404 })]]);
  });

  it('is not sent again where a resolver failed with the words of another server, and all with its status', async () => {
    const play = stage();
    await play.ask({ kind: 'mutation', query: 'mutation { a }' });
    const error = { message: 'PersistedQueryNotFound', path: ['a'] };
    const body = JSON.stringify({ data: null, errors: [error] });
    await play.answer(body, { type: 'application/json', status: 500 });

    expect(play.requests).toHaveLength(1);
  });

  it.each([
    ['a text', 'PersistedQueryNotFound'],
    ['nothing in a list', [null]],
    ['strange extensions', [{ extensions: null }]],
  ])('is handed on where a server has %s for errors', async (_, errors) => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(JSON.stringify({ errors }), { type: modern });

    expect(heard).toEqual(['connected', ['next', { errors }], 'complete']);
  });

  it('fails with the connection, in whichever attempt', async () => {
    const play = stage();
    const { heard } = await play.ask(asked);
    await play.answer(unknown, { type: modern });
    play.request.refuse();
    await play.clock.settle();

    expect(heard).toEqual(['connected', ['closed', failure('CONNECTION_LOST')]]);
  });

  it.each([0, 1])('ends when it is cancelled in attempt %i', async (attempt) => {
    const play = stage();
    const { heard, stop } = await play.ask(asked);
    if (attempt > 0) await play.answer(unknown, { type: modern });
    stop();
    await play.clock.settle();

    expect(play.request.isAborted).toBe(true);
    expect(heard).toEqual(attempt > 0 ? ['connected'] : []);
  });

  it('is not sent where it was cancelled before its hash was there', async () => {
    let found: ((hash: string) => void) | undefined;
    const play = stage({ hash: () => new Promise((resolve) => (found = resolve)) });
    const { stop } = await play.ask(asked);
    stop();
    found?.('abc');
    await play.clock.settle();

    expect(play.requests).toEqual([]);
  });

  it('is not sent on a connection that was closed before its hash was there', async () => {
    let found: ((hash: string) => void) | undefined;
    const play = stage({ hash: () => new Promise((resolve) => (found = resolve)) });
    const { connection } = await play.ask(asked);
    connection.close();
    found?.('abc');
    await play.clock.settle();

    expect(play.requests).toEqual([]);
  });
});

describe('a hash', () => {
  it('is a SHA-256 by Web Crypto', async () => {
    const play = new ResponseStage((common) => persistedQueries(http(common)));
    const text = '{ straße(emoji: "🚰") }';
    await play.ask({ kind: 'query', query: text });
    await until(() => play.requests.length > 0, 'the request');

    expect(bodiesOf(play)).toEqual([{ extensions: reference(text) }]);
  });

  it('is made once', async () => {
    const hash = vi.fn((text: string) => `of ${text}`);
    const play = stage({ hash });
    await play.ask(asked);
    await play.ask(asked);
    await play.ask({ kind: 'query', query: '{ other }' });

    expect(hash.mock.calls).toEqual([[query], ['{ other }']]);
    expect(bodiesOf(play).at(-1)).toEqual({
      extensions: { persistedQuery: { version: 1, sha256Hash: 'of { other }' } },
    });
  });

  it('is forgotten when a thousand others came', async () => {
    const hash = vi.fn((text: string) => text);
    const play = stage({ hash });
    for (let n = 0; n < 1_001; n += 1) await play.ask({ kind: 'query', query: `{ a${n} }` });
    await play.ask({ kind: 'query', query: '{ a1000 }' });
    await play.ask({ kind: 'query', query: '{ a0 }' });

    expect(hash).toHaveBeenCalledTimes(1_002);
  });

  it.each([
    ['there is none', () => undefined],
    [
      'it cannot be made',
      () => {
        throw new Error('no crypto');
      },
    ],
  ])('is not sent where %s', async (_, hash) => {
    const play = stage({ hash });
    await play.ask(asked);

    expect(bodiesOf(play)).toEqual([{ query }]);
  });

  it.each([
    ['files', { variables: { file: new Blob(['x']) } }],
    ['a hash of its own', { query: '', extensions: { persistedQuery: { version: 1 } } }],
    ['an id', { query: '', extensions: { documentId: '7' } }],
  ])('is not sent with %s', async (_, more) => {
    const hash = vi.fn(() => 'abc');
    const play = stage({ hash, uploads: uploads() });
    await play.ask({ ...asked, ...more });

    expect(play.requests).toHaveLength(1);
    expect(hash).not.toHaveBeenCalled();
  });

  it('is not made for what cannot be sent', async () => {
    const play = stage();

    await expect(play.ask({ ...asked, variables: { n: 1n } })).rejects.toThrow(TypeError);
  });
});

describe('a trusted document', () => {
  it('is never sent as text', async () => {
    const play = stage({ texts: 'never' });
    const { heard } = await play.ask(asked);
    await play.answer(unknown, { type: modern });

    expect(bodiesOf(play)).toEqual([{ extensions: reference(query) }]);
    expect(heard).toEqual(['connected', ['next', JSON.parse(unknown)], 'complete']);
  });

  it('is never sent as text to a server that takes no hashes', async () => {
    const play = stage({ texts: 'never' });
    await play.ask(asked);
    await play.answer(notTaken, { type: modern });
    await play.ask(asked);

    expect(bodiesOf(play)).toEqual([
      { extensions: reference(query) },
      { extensions: reference(query) },
    ]);
  });

  it('has a hash, or fails', async () => {
    const play = stage({ texts: 'never', hash: () => undefined });
    const { heard } = await play.ask(asked);

    expect(play.requests).toEqual([]);
    expect(heard).toEqual([['failed', failure('CLIENT_ERROR', { retryable: false })]]);
  });

  it('may bring files', async () => {
    const play = stage({ texts: 'never', uploads: uploads() });
    await play.ask({ kind: 'mutation', query: 'mutation { a }', variables: { a: new Blob([]) } });

    const operations = (play.request.init.body as FormData).get('operations'); // there are files
    expect(JSON.parse(String(operations))).toMatchObject({
      extensions: reference('mutation { a }'),
    });
  });
});

describe('GET', () => {
  it('takes hashes alone, texts go by POST', async () => {
    const play = stage({ method: 'GET' });
    await play.ask(asked);
    await play.answer(unknown, { type: modern });

    const [first, second] = play.requests;
    expect(Object.fromEntries(new URL(first?.url ?? '').searchParams)).toEqual({
      extensions: JSON.stringify(reference(query)),
    });
    expect(second).toMatchObject({
      method: 'POST',
      url: 'http://host.example/graphql',
      body: { query, extensions: reference(query) },
    });
  });

  it.each([
    ['a mutation', { kind: 'mutation', query: 'mutation { a }' }],
    ['a mutation that calls itself a query', { kind: 'query', query: 'mutation { a }' }],
  ] as const)('is not used for the hash of %s', async (_, more) => {
    const play = stage({ method: 'GET' });
    await play.ask(more);

    expect(play.request.method).toBe('POST');
  });

  it.each([
    ['POST', '# posts\nmutation { a }'],
    ['GET', 'subscription S { a } mutation M { b }'],
  ])('is %s for what shall be a stream: %j', async (method, text) => {
    const play = new ResponseStage((common) =>
      persistedQueries(sse({ ...common, method: 'GET' }), { hash: hashOf }),
    );
    await play.ask({ kind: 'subscription', query: text });

    expect(play.request.method).toBe(method);
  });
});

describe('on a shared connection', () => {
  const settings = { url: 'http://host.example/graphql', clock: new QuickClock() };

  function connect(
    hash: PersistedQueriesOptions['hash'] = hashOf,
    texts: PersistedQueriesOptions['texts'] = 'when-unknown',
  ) {
    const inner = new ScriptedTransport('shared', true);
    const transport = persistedQueries(inner, { hash, texts });
    const heard: unknown[] = [];
    const connection = transport.connect(settings, {
      connected: () => heard.push('connected'),
      violated: (message) => heard.push(message),
      closed: (reason) => heard.push(reason),
    });
    const start = async (text: string) => {
      const stop = connection.start(
        { kind: 'subscription', request: { query: text } },
        {
          started: () => heard.push(['started', text]),
          next: (result) => heard.push([text, result]),
          error: (errors) => heard.push([text, errors]),
          complete: () => heard.push([text, 'complete']),
          failed: (reason) => heard.push([text, reason]),
        },
      );
      await settings.clock.settle();
      return stop;
    };
    /** Everything that was started and not stopped, as the server has it. */
    const requests = () => [...inner.last.started.values()].map(({ request }) => request);
    const sinks = () => [...inner.last.started.keys()];
    return { transport, inner, connection, heard, start, requests, sinks };
  }

  it('a hash that is not known makes way for the text, beside others', async () => {
    const { transport, inner, connection, heard, start, requests, sinks } = connect();
    inner.last.serve();
    await start('one');
    await start('two');
    const [one, two] = sinks();
    one?.error([{ message: 'PersistedQueryNotFound' }]);
    two?.started?.();
    two?.next({ data: 2 });

    expect(transport.isShared).toBe(true);
    expect(connection.confirmsStarts).toBe(true);
    expect(inner.connections).toHaveLength(1);
    expect(requests()).toEqual([
      { query: '', extensions: reference('two') },
      { query: 'one', extensions: reference('one') },
    ]);
    expect(heard).toEqual(['connected', ['started', 'two'], ['two', { data: 2 }]]);
  });

  it('one operation may fail with what asks for the text', async () => {
    const { heard, start, requests, sinks } = connect();
    await start('one');
    sinks()[0]?.failed(
      new TransportError('CONNECTION_REFUSED', 'no', false, {
        body: unknown,
      }),
    );
    const [sink] = sinks();
    sink?.failed(unreachable);

    expect(requests()).toEqual([{ query: 'one', extensions: reference('one') }]);
    expect(heard).toEqual([['one', unreachable]]);
  });

  it.each([
    ['was there', 'abc'],
    ['was known to be missing', undefined],
  ])('nothing comes of it where it was lost before a hash %s', async (_, hash) => {
    let found: ((hash: string | undefined) => void) | undefined;
    const { inner, heard, start } = connect(
      () => new Promise((resolve) => (found = resolve)),
      'never',
    );
    await start('one');
    inner.last.fail();
    found?.(hash);
    await settings.clock.settle();

    expect(inner.last.started.size).toBe(0);
    expect(heard).toEqual([unreachable]);
  });

  it('what is stopped is stopped, whichever attempt runs', async () => {
    const { start, requests, sinks } = connect();
    const stops = [await start('one'), await start('two')];
    sinks()[0]?.error([{ message: 'PersistedQueryNotFound' }]);
    for (const stop of stops) stop();

    expect(requests()).toEqual([]);
  });
});
