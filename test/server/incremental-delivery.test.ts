import { setImmediate } from 'node:timers/promises';

import {
  GraphQLDeferDirective,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  specifiedDirectives,
} from 'graphql';
import type { Protocol } from 'millrace';
import { describe, expect, it } from 'vitest';

import { MemoryStream } from '../support/memory-stream.ts';
import { converse, messagesOf, subscribe } from '../support/conversation.ts';

const user = new GraphQLObjectType({
  name: 'User',
  fields: {
    name: { type: GraphQLString },
    slow: { type: GraphQLString, resolve: () => setImmediate('late') },
    fails: {
      type: GraphQLString,
      resolve: () => {
        throw new Error('secret');
      },
    },
  },
});

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { user: { type: user, resolve: () => ({ name: 'Ada' }) } },
  }),
  directives: [...specifiedDirectives, GraphQLDeferDirective],
});

it('TW-55, ID-28 deferred parts arrive in order, hasNext false last, then complete', async () => {
  const { ready } = converse({ schema });
  const client = await ready();

  subscribe(client, '1', '{ user { name ... @defer { slow fails } } }');
  const messages = [];
  do messages.push((await client.next().catch(() => undefined)) ?? { kind: 'ping' });
  while (!JSON.stringify(messages.at(-1)).includes('complete"}'));

  const payloads = messages.flatMap((message) =>
    'message' in message
      ? [(message.message as { readonly payload?: { readonly hasNext?: boolean } }).payload]
      : [],
  );
  expect(payloads[0]).toMatchObject({ data: { user: { name: 'Ada' } }, hasNext: true });
  expect(payloads.at(-2)).toMatchObject({ hasNext: false });
  expect(payloads.at(-1)).toBeUndefined();
  expect(JSON.stringify(messages)).toContain('late');
  expect(JSON.stringify(messages)).not.toContain('secret');
});

it('a direct execution has a single result with everything in it', async () => {
  const { server } = converse({ schema });

  expect(await server.execute({ query: '{ user { name ... @defer { slow } } }' })).toEqual({
    data: { user: { name: 'Ada', slow: 'late' } },
  });
});

it('the older protocol, which knows no parts, has a single result', async () => {
  const { connect } = converse({ schema });
  const client = connect({ protocol: 'subscriptions-transport-ws' });
  client.send('{"type":"connection_init"}');
  expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });

  const query = '{ user { name ... @defer { slow } } }';
  client.send(JSON.stringify({ id: '1', type: 'start', payload: { query } }));
  while ((await client.next()).kind !== 'message');

  expect(await client.rest()).toEqual(
    [
      { id: '1', type: 'data', payload: { data: { user: { name: 'Ada', slow: 'late' } } } },
      { id: '1', type: 'complete', payload: null },
    ].map((message) => ({ kind: 'message', message })),
  );
});

it('an operation cancelled between its parts sends nothing more', async () => {
  const { ready } = converse({ schema });
  const client = await ready();

  subscribe(client, '1', '{ user { name ... @defer { slow } } }');
  client.send('{"id":"1","type":"complete"}');

  expect(await messagesOf(client)).toEqual([]);
});

describe('over an event stream', () => {
  const query = '{ user { name ... @defer { slow fails } } }';
  const send = (accept: string, protocols: readonly Protocol[] = ['sse', 'multipart']) => {
    const conversation = converse({ schema, protocols });
    return {
      ...conversation,
      stream: new MemoryStream(conversation.server, { headers: { accept }, body: { query } }),
    };
  };

  it('SSE-3, SSE-19, ID-29 parts are next events, then complete', async () => {
    const { stream, clock } = send('text/event-stream');

    while (stream.ending === 'open') await clock.settle();

    const events = stream.events();
    expect(events[0]).toEqual([
      'next',
      { data: { user: { name: 'Ada' } }, pending: expect.anything(), hasNext: true },
    ]);
    expect(events.at(-2)).toEqual(['next', expect.objectContaining({ hasNext: false })]);
    expect(events.at(-1)).toEqual(['complete', '']);
    expect(stream.text).toContain('late');
    expect(stream.text).not.toContain('secret');
  });

  it('parts stop when the client leaves between them', async () => {
    const { stream, server, clock } = send('text/event-stream');
    await stream.answered;

    stream.leave();
    await clock.settle();

    expect(stream.text).not.toContain('late');
    expect(server.gauges()).toMatchObject({ connections: 0, operations: 0, deadlines: 0 });
  });

  it('parts on a stream of many operations are next events with its id, then complete', async () => {
    const { server, clock } = send('text/event-stream', ['sse-single']);
    const reserved = await new MemoryStream(server, { method: 'PUT' }).answered;
    const token = reserved.kind === 'whole' ? reserved.body : '';
    const headers = { 'x-graphql-event-stream-token': token };
    const stream = new MemoryStream(server, { method: 'GET', headers });
    await stream.answered;
    const body = { query, extensions: { operationId: 'a' } };
    await new MemoryStream(server, { headers, body }).answered;
    while (stream.events().at(-1)?.[0] !== 'complete') await clock.settle();

    expect(stream.events()[0]).toEqual([
      'next',
      { id: 'a', payload: expect.objectContaining({ pending: expect.anything(), hasNext: true }) },
    ]);
    expect(stream.events().at(-2)).toEqual([
      'next',
      { id: 'a', payload: expect.objectContaining({ hasNext: false }) },
    ]);
    expect(stream.events().at(-1)).toEqual(['complete', { id: 'a' }]);
    stream.leave();
  });
});
