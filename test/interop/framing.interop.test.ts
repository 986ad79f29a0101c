import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import { ApolloClient, CombinedProtocolErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { EventSource } from 'eventsource';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { buildSchema } from 'graphql';
import type { ExecutionResult } from 'graphql';
import { createClient } from 'graphql-sse';
import { createHandler } from 'graphql-sse/lib/use/fetch';
import { meros as merosBrowser } from 'meros/browser';
import { meros as merosNode } from 'meros/node';
import {
  EventStreamParser,
  MultipartParser,
  comment,
  distinctFraming,
  encodeEvent,
  multipartFraming,
  parseBoundary,
  singleFraming,
} from 'millrace/protocol';
import type { IncomingEvent, ResponseFraming } from 'millrace/protocol';
import { describe, expect, it } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';

import { bytesOf, everySplit } from '../support/chunks.ts';
import { completed, failed, next, recordOperation } from './support/recorded-operation.ts';
import type { RecordedOperation } from './support/recorded-operation.ts';

type Chunks = readonly Uint8Array<ArrayBuffer>[];

const url = 'http://localhost/graphql';
const subscription = 'subscription { tick }';

const results = [
  { data: { tick: 'Straße 🚰' } },
  { data: { tick: 'line\nline\r\n--graphql\u2028' } },
  { data: { tick: 'last' }, extensions: { cost: 1 } },
];

/** A whole response to a subscription. */
function write(framing: ResponseFraming): Uint8Array<ArrayBuffer> {
  const written = results.map((result) => framing.result(JSON.stringify(result)));
  return bytesOf(framing.opening + written.join(framing.heartbeat) + framing.complete());
}

function respond(contentType: string, chunks: Chunks): Response {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': contentType } });
}

/** A response that a test writes piece by piece, as a server does: the body ends with the operation. */
function openResponse(framing: ResponseFraming) {
  const stream = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = stream.writable.getWriter();
  const response = new Response(stream.readable, {
    headers: { 'content-type': framing.contentType },
  });
  return {
    response,
    write: (text: string) => void writer.write(bytesOf(text)),
    // a client that has read the end may leave before the body ends
    end: () => void writer.close().catch(() => {}),
  };
}

/** Subscribes by a client library whose `fetch` answers with `response`. */
type Subscribe = (response: Response, operation: RecordedOperation<unknown>) => void;

const apollo: Subscribe = (response, { next: deliver, error, complete }) => {
  const link = new HttpLink({ uri: url, fetch: () => Promise.resolve(response) });
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  client.subscribe({ query: gql(subscription), fetchPolicy: 'no-cache' }).subscribe({
    next: (result) => (result.error ? error(result.error) : deliver(result)),
    error,
    complete,
  });
};

const urql: Subscribe = (response, operation) => {
  const client = new Client({
    url,
    exchanges: [fetchExchange],
    fetchSubscriptions: true,
    fetch: () => Promise.resolve(response),
  });
  pipe(
    client.subscription(subscription, {}),
    onEnd(operation.complete),
    subscribe(({ data, error, extensions, hasNext }) => {
      // the last result again, with the news that none will follow
      if (!hasNext && !error) return;
      operation.next(error ?? { data, ...(extensions && { extensions }) });
    }),
  );
};

const graphqlSse: Subscribe = (response, operation) => {
  const client = createClient({
    url,
    retryAttempts: 0,
    fetchFn: () => Promise.resolve(response),
  });
  client.subscribe({ query: subscription }, operation);
};

/** A client of `graphql-sse` that is told the token `t`, and whose one operation has the id `op-1`. */
const graphqlSseSingle: Subscribe = (response, operation) => {
  const client = createClient({
    url,
    singleConnection: true,
    retryAttempts: 0,
    generateID: () => 'op-1',
    fetchFn: (_: string, { method }: RequestInit) => {
      if (method === 'PUT') return Promise.resolve(new Response('t', { status: 201 }));
      if (method === 'POST') return Promise.resolve(new Response(null, { status: 202 }));
      return Promise.resolve(response);
    },
  });
  client.subscribe({ query: subscription }, operation);
};

const eventSource: Subscribe = (response, operation) => {
  const source = new EventSource(url, { fetch: () => Promise.resolve(response) });
  source.addEventListener('next', ({ data }) => operation.next(JSON.parse(String(data))));
  source.addEventListener('complete', () => {
    source.close();
    operation.complete();
  });
  source.addEventListener('error', operation.error);
};

/** The single connection mode as if it carried one operation alone. */
const singleWithOneOperation: ResponseFraming = {
  ...distinctFraming,
  result: (resultText) => singleFraming.result('op-1', resultText),
  complete: () => singleFraming.complete('op-1'),
  error: (errors) => singleFraming.error('op-1', errors),
};

const clients = [
  ['@apollo/client, a multipart response', apollo, multipartFraming],
  ['@urql/core, an event stream', urql, distinctFraming],
  ['graphql-sse, an event stream', graphqlSse, distinctFraming],
  ['graphql-sse, a single connection', graphqlSseSingle, singleWithOneOperation],
  ['eventsource, an event stream', eventSource, distinctFraming],
] as const;

describe.each(clients)('what we write is read by %s', (_, start, framing) => {
  it('wherever it is split', async () => {
    for (const chunks of everySplit(write(framing))) {
      const operation = recordOperation();
      start(respond(framing.contentType, chunks), operation);

      expect(await operation.reports.take(results.length + 1)).toEqual([
        ...results.map(next),
        completed,
      ]);
    }
  });

  it('event by event, each with the write that holds it', async () => {
    const { response, write: send, end } = openResponse(framing);
    const operation = recordOperation();
    start(response, operation);
    send(framing.opening);

    for (const result of results) {
      send(framing.result(JSON.stringify(result)));
      expect(await operation.reports.next()).toEqual(next(result));
    }
    send(framing.complete());
    end();
    expect(await operation.reports.next()).toEqual(completed);
  });
});

const gone = { message: 'gone', extensions: { code: 'SOURCE_FAILED' } };

async function reported(start: Subscribe, framing: ResponseFraming): Promise<unknown> {
  const operation = recordOperation();
  const body = bytesOf(framing.opening + framing.error([gone]));
  start(respond(framing.contentType, [body]), operation);
  return operation.reports.next();
}

describe('a failure that we write is reported by', () => {
  it('@apollo/client', async () => {
    const report = await reported(apollo, multipartFraming);

    expect(report).toMatchObject(failed({ errors: [gone] }));
    expect(report).toHaveProperty('error', expect.any(CombinedProtocolErrors));
  });

  it('@urql/core', async () => {
    expect(await reported(urql, distinctFraming)).toMatchObject(
      next({ message: '[GraphQL] gone', graphQLErrors: [gone] }),
    );
  });

  it.each([
    ['graphql-sse', graphqlSse, distinctFraming],
    ['graphql-sse, a single connection', graphqlSseSingle, singleWithOneOperation],
    ['eventsource', eventSource, distinctFraming],
  ] as const)('%s', async (_, start, framing) => {
    expect(await reported(start, framing)).toEqual(next({ errors: [gone] }));
  });
});

describe('our parts are those of', () => {
  // both readers miss a delimiter that is split if another one stands whole in the second piece
  const written = write(multipartFraming);
  const delimiter = '\r\n--graphql';
  const wholeDelimiters = (chunk: Uint8Array) =>
    new TextDecoder().decode(chunk).split(delimiter).length - 1;
  const splits = everySplit(written).filter((chunks) => {
    const found = chunks.map(wholeDelimiters).reduce((sum, count) => sum + count, 0);
    return found === wholeDelimiters(written) || found === 0;
  });
  const bodies = [{}, ...results.flatMap((payload) => [{ payload }, {}]).slice(0, -1)];
  const parts = bodies.map((body) => ({
    json: true,
    headers: { 'content-type': 'application/json' },
    body,
  }));

  it('meros in browsers', async () => {
    for (const chunks of splits) {
      const response = await merosBrowser(respond(multipartFraming.contentType, chunks));

      expect(await collect(response as AsyncIterable<unknown>)).toEqual(parts);
    }
  });

  it('meros in Node', async () => {
    for (const chunks of splits) {
      const message = Object.assign(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), {
        headers: { 'content-type': multipartFraming.contentType },
      });
      const response = await merosNode(message as IncomingMessage);

      expect(await collect(response as AsyncIterable<unknown>)).toEqual(parts);
    }
  });
});

/** What `eventsource-parser` makes of a stream, in our terms. */
function readByEventSourceParser(chunks: Chunks): readonly IncomingEvent[] {
  const events: IncomingEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = 'message', data, id = '' }) =>
      events.push({ event, data, lastEventId: id }),
  });
  const decoder = new TextDecoder();
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return events;
}

function readEvents(chunks: Chunks): readonly IncomingEvent[] {
  const parser = new EventStreamParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

describe('our events are those of eventsource-parser', () => {
  const stream = bytesOf(
    [
      comment,
      ...results.map((result, index) =>
        encodeEvent({ event: 'next', data: JSON.stringify(result), id: `e-${index}` }),
      ),
      encodeEvent({ event: 'next', data: '{\n  "data": null\r\n}', id: 'e-9' }),
      encodeEvent({ event: 'complete', data: '', id: 'e-10' }),
    ].join(''),
  );

  it('for a stream that we write, wherever it is split', () => {
    const expected = [
      ...results.map((result, index) => ({
        event: 'next',
        data: JSON.stringify(result),
        lastEventId: `e-${index}`,
      })),
      { event: 'next', data: '{\n  "data": null\n}', lastEventId: 'e-9' },
      { event: 'complete', data: '', lastEventId: 'e-10' },
    ];

    for (const chunks of everySplit(stream)) {
      expect(readByEventSourceParser(chunks)).toEqual(expected);
      expect(readEvents(chunks)).toEqual(expected);
    }
  });

  it('for any lines', () => {
    const line = fc.oneof(
      fc.constantFrom('', '', 'data', 'data:', 'data: 1', 'data:  2', 'data:3', 'data : 4'),
      fc.constantFrom(':', ': ping', 'event: next', 'event:', 'event', 'retry: 1', 'x', 'x: 1'),
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, '')),
    );
    const end = fc.constantFrom('\n', '\r\n', '\r');
    fc.assert(
      fc.property(fc.array(fc.tuple(line, end)), (lines) => {
        // that reader waits at a CR for the LF that may follow
        const bytes = bytesOf([...lines, [':', '\n']].map((each) => each.join('')).join(''));

        expect(readEvents([bytes])).toEqual(readByEventSourceParser([bytes]));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('we read what is written by', () => {
  const schema = buildSchema('type Query { a: Int } type Subscription { tick: String }');

  it('graphql-sse, wherever it is split', async () => {
    const ticks = results.map(({ data }) => data);
    const handle = createHandler({
      schema,
      onSubscribe: () =>
        Readable.from(ticks.map((data) => ({ data }))) as AsyncIterable<ExecutionResult>,
    });
    const response = await handle(
      new Request(url, {
        method: 'POST',
        headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
        body: JSON.stringify({ query: subscription }),
      }),
    );

    for (const chunks of everySplit(new Uint8Array(await response.arrayBuffer()))) {
      expect(readEvents(chunks)).toEqual([
        ...ticks.map((data) => ({
          event: 'next',
          data: JSON.stringify({ data }),
          lastEventId: '',
        })),
        { event: 'complete', data: '', lastEventId: '' },
      ]);
    }
  });

  it('the fetch of Node, whose forms are multipart bodies, wherever they are split', async () => {
    const form = new FormData();
    form.set('a', 'Straße 🚰');
    form.set('b', '--\r\n--b');
    form.set('c', new File(['{}'], 'c.json', { type: 'application/json' }));
    const response = new Response(form);
    const boundary = parseBoundary(response.headers.get('content-type') ?? '');

    for (const chunks of everySplit(new Uint8Array(await response.arrayBuffer()))) {
      const parser = new MultipartParser(boundary);
      const parts = chunks.flatMap((chunk) => parser.push(chunk));

      expect(parts.map((part) => part.body)).toEqual(['Straße 🚰', '--\r\n--b', '{}']);
      expect(parts[2]?.headers.get('content-type')).toBe('application/json');
      expect(parser.hasEnded).toBe(true);
    }
  });
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
