import { createHash } from 'node:crypto';

import { GraphQLError } from 'graphql';
import type { OperationRequest } from 'millrace';
import type { PersistedQueryStore } from 'millrace/server';
import { createPersistedQueryStore } from 'millrace/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { converse, messagesOf, subscribe } from '../support/conversation.ts';
import {
  clientTransports,
  post,
  subscribingTransports,
  transports,
} from '../support/transports.ts';

afterEach(() => vi.restoreAllMocks());

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const byHash = (text: string): OperationRequest => ({
  query: '',
  extensions: { persistedQuery: { version: 1, sha256Hash: sha256(text) } },
});

const withHash = (query: string, hashed = query): OperationRequest => ({
  ...byHash(hashed),
  query,
});

const notFound = { code: 'PERSISTED_QUERY_NOT_FOUND' };
const hello = '{ hello }';
const world = { data: { hello: 'world' } };

const never = (): Promise<undefined> => new Promise(() => {});
const broken = (): never => {
  throw new Error('store is broken');
};

describe.each(Object.entries(transports))('persisted queries %s', (_name, ask) => {
  it('are unknown until their text was sent with the hash', async () => {
    const conversation = converse({ persistedQueries: {} });

    expect(await ask(conversation, byHash(hello))).toEqual(notFound);
    expect(await ask(conversation, withHash(hello))).toEqual(world);
    expect(await ask(conversation, byHash(hello))).toEqual(world);
  });

  it('are selected and given variables like any document', async () => {
    const conversation = converse({ persistedQueries: {} });
    const text = 'query A { hello } query B($n: Int!) { double(n: $n) }';
    const selection = { operationName: 'B', variables: { n: 4 } };

    await ask(conversation, { ...withHash(text), ...selection });

    expect(await ask(conversation, { ...byHash(text), ...selection })).toEqual({
      data: { double: 8 },
    });
  });

  it('are kept for the text of the hash alone', async () => {
    const conversation = converse({ persistedQueries: {} });

    expect(await ask(conversation, withHash('{ __typename }', hello))).toEqual({
      code: 'BAD_REQUEST',
    });
    expect(await ask(conversation, byHash(hello))).toEqual(notFound);
    expect(await ask(conversation, byHash('{ __typename }'))).toEqual(notFound);
  });

  it.each([
    ['a syntax error', '{ hello', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too much depth', `{${' a {'.repeat(20)} b ${'}'.repeat(20)}}`, 'DOCUMENT_LIMIT_EXCEEDED'],
  ])('are not kept with %s', async (_title, text, code) => {
    const conversation = converse({ persistedQueries: {} });

    expect(await ask(conversation, withHash(text))).toEqual({ code });
    expect(await ask(conversation, byHash(text))).toEqual(notFound);
  });

  it('are not kept for a client that may not execute them', async () => {
    const set = vi.fn();
    const conversation = converse({
      persistedQueries: { store: { get: () => undefined, set } },
      onSubscribe: () => [new GraphQLError('no', { extensions: { code: 'FORBIDDEN' } })],
    });

    expect(await ask(conversation, withHash(hello))).toEqual({ code: 'FORBIDDEN' });
    expect(set).not.toHaveBeenCalled();
  });

  it('are not supported unless they are turned on, and their hash is ignored beside a text', async () => {
    const conversation = converse();

    expect(await ask(conversation, byHash(hello))).toEqual({
      code: 'PERSISTED_QUERY_NOT_SUPPORTED',
    });
    expect(await ask(conversation, withHash(hello, 'other'))).toEqual(world);
    expect(await ask(conversation, { query: hello, extensions: { persistedQuery: 7 } })).toEqual(
      world,
    );
  });

  it.each([
    ['a newer version', { version: 2, sha256Hash: sha256(hello) }],
    ['no version', { sha256Hash: sha256(hello) }],
    ['a number as hash', { version: 1, sha256Hash: 7 }],
    ['no hash', { version: 1 }],
    ['an empty hash', { version: 1, sha256Hash: '' }],
    ['a hash of 1 MB', { version: 1, sha256Hash: 'a'.repeat(1_000_000) }],
    ['a list', [1]],
    ['a text', sha256(hello)],
    ['true', true],
  ])('that are asked for with %s are bad requests', async (_title, persistedQuery) => {
    const get = vi.fn<PersistedQueryStore['get']>();
    const conversation = converse({ persistedQueries: { store: { get, set: vi.fn() } } });

    for (const query of ['', hello]) {
      expect(await ask(conversation, { query, extensions: { persistedQuery } })).toEqual({
        code: 'BAD_REQUEST',
      });
    }
    expect(get).not.toHaveBeenCalled();
  });

  it.each(['__proto__', 'constructor', 'toString', 'g'.repeat(64)])(
    'with the hash %s are unknown, and their store is not asked',
    async (sha256Hash) => {
      const get = vi.fn<PersistedQueryStore['get']>();
      const conversation = converse({ persistedQueries: { store: { get, set: vi.fn() } } });
      const request = { query: '', extensions: { persistedQuery: { version: 1, sha256Hash } } };

      expect(await ask(conversation, request)).toEqual(notFound);
      expect(get).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['throws', broken],
    ['rejects', () => Promise.reject(new Error('store is broken'))],
  ])('whose store %s fail without telling why', async (_title, get) => {
    const conversation = converse({ persistedQueries: { store: { get, set: vi.fn() } } });

    expect(await ask(conversation, byHash(hello))).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(conversation.hidden).toEqual(['documents: store is broken']);
    expect(await ask(conversation, { query: hello })).toEqual(world);
  });

  it.each([
    ['throws', broken],
    ['rejects', () => Promise.reject(new Error('store is broken'))],
  ])('are executed though their store %s when they are to be kept', async (_title, set) => {
    const conversation = converse({ persistedQueries: { store: { get: vi.fn(), set } } });

    expect(await ask(conversation, withHash(hello))).toEqual(world);
    expect(conversation.hidden).toEqual(['persistedQueries: store is broken']);
  });

  it('come from a store that answers later, or with null for what it does not have', async () => {
    const texts = new Map<string, string>();
    const store: PersistedQueryStore = {
      get: async (hash) => texts.get(hash) ?? null,
      set: async (hash, text) => void texts.set(hash, text),
    };
    const conversation = converse({ persistedQueries: { store } });

    expect(await ask(conversation, byHash(hello))).toEqual(notFound);
    await ask(conversation, withHash(hello));

    expect(await ask(conversation, byHash(hello))).toEqual(world);
    expect([...texts]).toEqual([[sha256(hello), hello]]);
  });

  it('may have their hash written in capitals', async () => {
    const conversation = converse({ persistedQueries: {} });
    const sha256Hash = sha256(hello).toUpperCase();
    const extensions = { persistedQuery: { version: 1, sha256Hash } };

    expect(await ask(conversation, { query: hello, extensions })).toEqual(world);
    expect(await ask(conversation, { query: '', extensions })).toEqual(world);
    expect(await ask(conversation, byHash(hello))).toEqual(world);
  });

  it('cost requests without a hash nothing', async () => {
    const digest = vi.spyOn(crypto.subtle, 'digest');
    const get = vi.fn<PersistedQueryStore['get']>();
    const conversation = converse({ persistedQueries: { store: { get, set: vi.fn() } } });

    expect(await ask(conversation, { query: hello, extensions: {} })).toEqual(world);
    expect(digest).not.toHaveBeenCalled();
    expect(get).not.toHaveBeenCalled();
  });
});

describe.each(Object.entries(clientTransports))('hooks %s', (_name, ask) => {
  it('see the text of a document that was asked for by its hash', async () => {
    const seen: string[] = [];
    const see = ({ operation }: { readonly operation: OperationRequest }): void => {
      seen.push(operation.query);
    };
    const conversation = converse({
      persistedQueries: {},
      onSubscribe: see,
      context: see,
      onNext: see,
      onComplete: see,
    });
    await ask(conversation, withHash(hello));
    await conversation.clock.settle();
    seen.length = 0;

    await ask(conversation, byHash(hello));
    await conversation.clock.settle();

    expect(seen).toEqual([hello, hello, hello, hello]);
  });
});

describe.each(Object.entries(subscribingTransports))('subscriptions %s', (_name, ask) => {
  it('start by the hash of their text', async () => {
    const conversation = converse({ persistedQueries: {} });
    const text = 'subscription ($from: Int!) { countdown(from: $from) }';
    const variables = { from: 3 };

    expect(await ask(conversation, { ...byHash(text), variables })).toEqual(notFound);
    await ask(conversation, { ...withHash(text), variables });

    expect(await ask(conversation, { ...byHash(text), variables })).toEqual({
      data: { countdown: 3 },
    });
  });
});

describe('a store that never answers', () => {
  it('keeps its own operation waiting and no other', async () => {
    const { ready } = converse({
      persistedQueries: { store: { get: never, set: vi.fn() } },
      limits: { operationsPerConnection: 2 },
    });
    const client = await ready();

    const { query, ...more } = byHash(hello);
    subscribe(client, '1', query, more);
    subscribe(client, '2', hello);

    expect(await messagesOf(client)).toEqual([
      { id: '2', type: 'next', payload: world },
      { id: '2', type: 'complete' },
    ]);
  });

  it('does not keep the place of an operation that its client has stopped', async () => {
    const { ready } = converse({
      persistedQueries: { store: { get: never, set: vi.fn() } },
      limits: { operationsPerConnection: 1 },
    });
    const client = await ready();
    const { query, ...more } = byHash(hello);
    subscribe(client, '1', query, more);

    client.send('{"id":"1","type":"complete"}');
    subscribe(client, '2', hello);

    expect(await messagesOf(client)).toMatchObject([{ id: '2', type: 'next' }, { id: '2' }]);
  });

  it('is given 100 texts at once and no more', async () => {
    const set = vi.fn(never);
    const conversation = converse({ persistedQueries: { store: { get: never, set } } });

    for (let n = 0; n < 110; n += 1) {
      await conversation.server.execute(withHash(`{ a${n}: hello }`));
    }

    expect(set).toHaveBeenCalledTimes(100);
  });
});

describe('createPersistedQueryStore', () => {
  it('forgets the text that was used least recently when there are too many', () => {
    const store = createPersistedQueryStore({ texts: 2 });
    store.set('a', '{ a }');
    store.set('b', '{ b }');
    void store.get('a');

    store.set('c', '{ c }');

    expect(['a', 'b', 'c'].map((hash) => store.get(hash))).toEqual(['{ a }', undefined, '{ c }']);
  });

  it('forgets texts when they are too large together, and never holds one that is too large alone', () => {
    const store = createPersistedQueryStore({ bytes: 100 });
    store.set('a', 'a'.repeat(30));
    store.set('b', 'b'.repeat(30));
    store.set('c', 'c'.repeat(51));

    expect(store.get('a')).toBeUndefined();
    expect(store.get('b')).toBe('b'.repeat(30));
    expect(store.get('c')).toBeUndefined();
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])('is not made with a bound of %s', (bound) => {
    expect(() => createPersistedQueryStore({ texts: bound })).toThrow(/positive integers/);
    expect(() => createPersistedQueryStore({ bytes: bound })).toThrow(/positive integers/);
  });

  it('holds 1,000 texts of 4 MiB by default', () => {
    const store = createPersistedQueryStore();
    for (let n = 0; n <= 1_000; n += 1) store.set(String(n), 'a');
    expect([store.get('0'), store.get('1')]).toEqual([undefined, 'a']);

    for (let n = 0; n < 3; n += 1) store.set(`large ${n}`, 'a'.repeat(1_000_000));
    expect([store.get('large 0'), store.get('large 1')]).toEqual([
      undefined,
      'a'.repeat(1_000_000),
    ]);
  });
});

const get = (parameters: Record<string, string>) => ({
  method: 'GET',
  url: `/graphql?${new URLSearchParams(parameters).toString()}`,
  headers: { accept: 'application/graphql-response+json' },
  body: () => Promise.resolve({ text: '' }),
});

describe('persisted queries over HTTP', () => {
  const extensions = JSON.stringify(byHash(hello).extensions);
  it.each(['application/json', 'application/graphql-response+json'])(
    'are asked for again after status 200 in %s, which no cache may keep',
    async (accept) => {
      const { server } = converse({ persistedQueries: {} });

      expect(await server.handleRequest(post(byHash(hello), accept))).toMatchObject({
        status: 200,
        headers: { 'cache-control': 'private, no-cache, must-revalidate' },
        body: JSON.stringify({
          errors: [
            {
              message: 'PersistedQueryNotFound',
              extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
            },
          ],
        }),
      });
    },
  );

  it('are refused with status 200 where they are off', async () => {
    const { server } = converse();

    expect(await server.handleRequest(post(byHash(hello)))).toMatchObject({
      status: 200,
      body: expect.stringContaining('"message":"PersistedQueryNotSupported"') as string,
    });
  });

  it('are not found with status 404 in the statuses of the draft, which has no 200 without data', async () => {
    const { server } = converse({ persistedQueries: {}, statusVintage: 'draft' });

    expect(await server.handleRequest(post(byHash(hello)))).toMatchObject({ status: 404 });
  });

  it('get status 400 if the hash is not that of the text', async () => {
    const { server } = converse({ persistedQueries: {} });

    expect(await server.handleRequest(post(withHash(hello, 'other')))).toMatchObject({
      status: 400,
      body: expect.stringContaining('is not the SHA-256 of `query`') as string,
    });
  });

  it('need no member `query`, also by GET', async () => {
    const { server } = converse({ persistedQueries: {} });
    await server.handleRequest(post(withHash(hello)));
    const { query: _none, ...request } = byHash(hello);

    const answers = [
      await server.handleRequest(post(request)),
      await server.handleRequest(post({ ...request, query: null })),
      await server.handleRequest(get({ extensions })),
    ];

    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: JSON.stringify(world) });
    }
  });

  it('GH-31 change nothing by GET', async () => {
    const { server } = converse({ persistedQueries: {} });
    const mutation = 'mutation { post(room: "a", text: "x") }';
    await server.handleRequest(post(withHash(mutation)));

    const answer = await server.handleRequest(
      get({ extensions: JSON.stringify(byHash(mutation).extensions) }),
    );

    expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('GH-13 leave a request without text, hash and id a bad one', async () => {
    const { server } = converse({ persistedQueries: {} });

    for (const request of [{}, { extensions: {} }, { extensions: { persistedQuery: null } }]) {
      expect(await server.handleRequest(post(request))).toMatchObject({ status: 400 });
    }
  });
});
