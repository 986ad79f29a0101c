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

it('TW-55 deferred parts arrive in order, hasNext false last, then complete', async () => {
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

it('plain HTTP and direct execution refuse what comes in parts before anything runs', async () => {
  const { server } = converse({ schema });

  expect(await server.execute({ query: '{ user { name ... @defer { slow } } }' })).toEqual({
    errors: [
      { message: '@defer and @stream need a transport', extensions: { code: 'BAD_REQUEST' } },
    ],
  });
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

  it('SSE-3, SSE-19 parts are next events, then complete', async () => {
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

  it.each(['*/*', 'application/json, text/event-stream;q=0.1'])(
    'they are sent to who accepts %s, because JSON cannot hold them',
    async (accept) => {
      const { stream } = send(accept);

      expect(await stream.answered).toMatchObject({
        headers: { 'content-type': 'text/event-stream' },
      });
    },
  );

  it.each(['application/json', 'multipart/mixed;subscriptionSpec=1.0, application/json'])(
    'who accepts %s learns what carries them',
    async (accept) => {
      const { stream } = send(accept);

      expect((await stream.answered).status).toBe(406);
      expect(stream.json).toMatchObject({
        errors: [{ message: 'this operation is served here by Accept: text/event-stream' }],
      });
    },
  );
});
