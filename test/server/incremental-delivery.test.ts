import { setImmediate } from 'node:timers/promises';

import {
  GraphQLDeferDirective,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  specifiedDirectives,
} from 'graphql';
import { expect, it } from 'vitest';

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
