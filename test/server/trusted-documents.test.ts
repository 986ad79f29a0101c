import { createHash } from 'node:crypto';

import type { OperationRequest } from 'millrace';
import type { TrustedDocumentSource } from 'millrace/server';
import { createServer } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { converse } from '../support/conversation.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { post, subscribingTransports, transports } from '../support/transports.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const hello = '{ hello }';
const double = 'query ($n: Int!) { double(n: $n) }';
const countdown = 'subscription { countdown(from: 3) }';
const texts = new Map([
  ['hello', hello],
  [sha256(double), double],
  ['countdown', countdown],
]);
const world = { data: { hello: 'world' } };
const notTrusted = { code: 'DOCUMENT_NOT_TRUSTED' };

const byId = (documentId: unknown): OperationRequest => ({
  query: '',
  extensions: { documentId },
});
const byHash = (sha256Hash: string): OperationRequest => ({
  query: '',
  extensions: { persistedQuery: { version: 1, sha256Hash } },
});

/** Both ways to give the same documents. */
const sources: readonly (readonly [string, ReadonlyMap<string, string> | TrustedDocumentSource])[] =
  [
    ['a map', texts],
    [
      'a function',
      async (id) => texts.get(id) ?? [...texts.values()].find((text) => sha256(text) === id),
    ],
  ];

describe.each(Object.entries(transports))('trusted documents %s', (_name, ask) => {
  describe.each(sources)('of %s', (_source, documents) => {
    it('are executed by their id', async () => {
      const conversation = converse({ trustedDocuments: { documents } });

      expect(await ask(conversation, byId('hello'))).toEqual(world);
    });

    it('are executed by their id in the place of a persisted hash', async () => {
      const conversation = converse({ trustedDocuments: { documents } });

      expect(await ask(conversation, { ...byHash(sha256(double)), variables: { n: 4 } })).toEqual({
        data: { double: 8 },
      });
    });

    it('are executed when they are sent in full', async () => {
      const conversation = converse({ trustedDocuments: { documents } });

      expect(await ask(conversation, { query: hello })).toEqual(world);
      expect(await ask(conversation, { ...byId('hello'), query: hello })).toEqual(world);
    });

    it.each<readonly [string, OperationRequest]>([
      ['another text', { query: '{ hello hello }' }],
      ['the same document in other words', { query: '{hello}' }],
      ['introspection', { query: '{ __schema { types { name } } }' }],
      ['the name of the root type', { query: '{ __typename }' }],
      ['no document', { query: '' }],
      ['an unknown id', byId('unknown')],
      ['an unknown hash', byHash(sha256('{ unknown }'))],
      ['a text with the id of another', { ...byId('countdown'), query: '{ __typename }' }],
      [
        'a text with its own hash',
        { ...byHash(sha256('{ __typename }')), query: '{ __typename }' },
      ],
      ['the id __proto__', byId('__proto__')],
      ['the id constructor', byId('constructor')],
    ])('are the only ones: %s is refused', async (_title, request) => {
      const conversation = converse({ trustedDocuments: { documents } });

      expect(await ask(conversation, request)).toEqual(notTrusted);
    });
  });

  it.each([
    ['a number', 7],
    ['an object', { toString: 1 }],
    ['an empty text', ''],
    ['a text of 1 MB', 'a'.repeat(1_000_000)],
    ['a list', ['hello']],
  ])('are not looked for by %s', async (_title, documentId) => {
    const documents = vi.fn(() => hello);
    const conversation = converse({ trustedDocuments: { documents } });

    expect(await ask(conversation, byId(documentId))).toEqual({ code: 'BAD_REQUEST' });
    expect(documents).not.toHaveBeenCalled();
  });

  it('are looked for by the SHA-256 of a text that came without an id', async () => {
    const documents = vi.fn(() => undefined);
    const conversation = converse({ trustedDocuments: { documents } });

    await ask(conversation, { query: hello });

    expect(documents.mock.calls).toEqual([[sha256(hello)]]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('disk is broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk is broken'))],
  ])('whose function %s are refused without telling why', async (_title, documents) => {
    const conversation = converse({ trustedDocuments: { documents } });

    for (const request of [byId('hello'), { query: hello }]) {
      expect(await ask(conversation, request)).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    }
    expect(conversation.hidden).toEqual(['documents: disk is broken', 'documents: disk is broken']);
  });

  it('of a map are those that it had when the server was created', async () => {
    const documents = new Map(texts);
    const conversation = converse({ trustedDocuments: { documents } });

    documents.set('later', '{ __typename }');

    expect(await ask(conversation, byId('later'))).toEqual(notTrusted);
    expect(await ask(conversation, { query: '{ __typename }' })).toEqual(notTrusted);
  });

  it('are validated and limited like any other', async () => {
    const documents = new Map([
      ['invalid', '{ nope }'],
      ['deep', `{${' a {'.repeat(20)} b ${'}'.repeat(20)}}`],
    ]);
    const conversation = converse({ trustedDocuments: { documents } });

    expect(await ask(conversation, byId('invalid'))).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
    expect(await ask(conversation, byId('deep'))).toEqual({ code: 'DOCUMENT_LIMIT_EXCEEDED' });
  });

  it('may stand beside any other document', async () => {
    const conversation = converse({ trustedDocuments: { documents: texts, others: 'accept' } });

    expect(await ask(conversation, byId('hello'))).toEqual(world);
    expect(await ask(conversation, { query: '{ __typename }' })).toEqual({
      data: { __typename: 'Query' },
    });
    expect(await ask(conversation, byId('unknown'))).toEqual({ code: 'DOCUMENT_NOT_FOUND' });
    expect(await ask(conversation, { query: '' })).toEqual({ code: 'GRAPHQL_PARSE_FAILED' });
  });

  it('may stand beside persisted queries', async () => {
    const conversation = converse({
      trustedDocuments: { documents: texts, others: 'accept' },
      persistedQueries: {},
    });
    const request = byHash(sha256('{ __typename }'));

    expect(await ask(conversation, request)).toEqual({ code: 'PERSISTED_QUERY_NOT_FOUND' });
    await ask(conversation, { ...request, query: '{ __typename }' });

    expect(await ask(conversation, request)).toEqual({ data: { __typename: 'Query' } });
    expect(await ask(conversation, { ...byHash(sha256(double)), variables: { n: 1 } })).toEqual({
      data: { double: 2 },
    });
  });

  it('are not found where there are none, and an id is ignored beside a text', async () => {
    const conversation = converse();

    expect(await ask(conversation, byId('hello'))).toEqual({ code: 'DOCUMENT_NOT_FOUND' });
    expect(await ask(conversation, { ...byId(7), query: hello })).toEqual(world);
  });
});

describe.each(Object.entries(subscribingTransports))('subscriptions %s', (_name, ask) => {
  it('start by the id of a trusted document, and by no other text', async () => {
    const conversation = converse({ trustedDocuments: { documents: texts } });

    expect(await ask(conversation, byId('countdown'))).toEqual({ data: { countdown: 3 } });
    expect(await ask(conversation, { query: 'subscription { countdown(from: 9) }' })).toEqual(
      notTrusted,
    );
    await conversation.clock.settle();
    expect(conversation.app.openSources()).toBe(0);
  });
});

describe('trusted documents over HTTP', () => {
  const { server } = converse({ trustedDocuments: { documents: texts } });

  it('have their id beside `query`, which may be missing', async () => {
    expect(await server.handleRequest(post({ documentId: 'hello' }))).toMatchObject({
      status: 200,
      body: JSON.stringify(world),
    });
  });

  it('are executed by GET', async () => {
    const request = { ...post({}), method: 'GET', url: '/graphql?documentId=hello' };

    expect(await server.handleRequest(request)).toMatchObject({
      status: 200,
      body: JSON.stringify(world),
    });
  });

  it.each(['application/json', 'application/graphql-response+json'])(
    'answer any other with status 403 in %s',
    async (accept) => {
      expect(await server.handleRequest(post({ query: '{ __typename }' }, accept))).toMatchObject({
        status: 403,
        headers: { 'cache-control': 'private, no-cache, must-revalidate' },
        body: expect.stringContaining('"code":"DOCUMENT_NOT_TRUSTED"') as string,
      });
    },
  );

  it('answer an unknown id with status 404 where other documents are accepted', async () => {
    const open = converse({ trustedDocuments: { documents: texts, others: 'accept' } });

    expect(await open.server.handleRequest(post({ documentId: 'unknown' }))).toMatchObject({
      status: 404,
    });
  });

  it('GH-14 do not make a `query` of a wrong type acceptable', async () => {
    expect(await server.handleRequest(post({ query: 7, documentId: 'hello' }))).toMatchObject({
      status: 400,
    });
  });
});

describe('createServer', () => {
  it('refuses persisted queries beside trusted documents that are the only ones', () => {
    const { schema } = createFixtureApp();
    const options = { schema, persistedQueries: {}, trustedDocuments: { documents: texts } };

    expect(() => createServer(options)).toThrow(/trustedDocuments.others to be 'accept'/);
  });
});
