import type { ClientOptions } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { resumable } from 'millrace/client/resume';
import { sse } from 'millrace/client/sse';
import { sseSingle } from 'millrace/client/sse-single';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';

import { assertEqual, failureOf, messagesOf, newRoom, textOf } from './client-case.ts';
import type { ClientCase, ClientContext } from './client-case.ts';

interface NamedTransport {
  readonly row: string;
  readonly create: (context: ClientContext) => ClientOptions['transport'];
}

/** Those that carry everything. */
const transports: readonly NamedTransport[] = [
  { row: 'graphql-transport-ws', create: ({ sockets }) => websocket(sockets) },
  {
    row: 'subscriptions-transport-ws',
    create: ({ sockets }) => websocket({ ...sockets, protocol: subscriptionsTransportWs }),
  },
  { row: 'SSE', create: () => sse() },
  { row: 'SSE, one stream', create: () => sseSingle() },
  { row: 'Multipart', create: () => multipart() },
  {
    row: 'AppSync',
    // queries go another way there
    create: ({ sockets }) => ({
      queries: http(),
      subscriptions: appsync({ ...sockets, authorization: { authorization: 'somebody' } }),
    }),
  },
];

/** What each transport has to do, and that of plain HTTP. */
export const transportCases: readonly ClientCase[] = [
  ...transports.flatMap((transport) =>
    [answers(transport), streams(transport), endings(transport)].flat(),
  ),
  ...answers({ row: 'HTTP', create: () => http() }),
  ...answers({ row: 'HTTP', create: () => http({ method: 'GET' }) }, 'by GET, '),
  ...transports.map((transport) => comesBack(transport)),
];

/** More than one chunk of any runtime, and characters of one to four bytes that no chunk ends with by chance alone. */
const largeText = 'Straße ✓ 🚰 '.repeat(70_000);

function answers({ row, create }: NamedTransport, how = ''): readonly ClientCase[] {
  const large: ClientCase = {
    row,
    name: `${row}: carries a megabyte of characters of all kinds both ways`,
    async run(context) {
      const client = context.create({ transport: create(context) });
      const result = await client.query({
        query: 'query ($text: String!) { echo(text: $text) }',
        variables: { text: largeText },
      });
      assertEqual(result, { data: { echo: largeText } });
    },
  };
  return [
    {
      row,
      name: `${row}: ${how}answers queries and mutations`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        assertEqual(await client.query({ query: '{ hello }' }), { data: { hello: 'world' } });
        const query = 'query A { hello } query B($n: Int!) { double(n: $n) }';
        assertEqual(await client.query({ query, operationName: 'B', variables: { n: 21 } }), {
          data: { double: 42 },
        });
        assertEqual(await client.mutate({ query: 'mutation { post(room: "x", text: "y") }' }), {
          data: { post: true },
        });
      },
    },
    {
      row,
      name: `${row}: ${how}GraphQL errors are values, with the data beside them`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const partial = await client.query({ query: '{ hello fails }' });
        assertEqual(partial.data, { hello: 'world', fails: null });
        assertEqual(partial.errors?.[0]?.message, 'lookup failed');
        const { data, errors } = await client.query({ query: '{ nope }' });
        assertEqual([data === undefined, errors?.length], [true, 1]);
      },
    },
    // a URL holds no megabyte
    ...(how === '' ? [large] : []),
  ];
}

function streams({ row, create }: NamedTransport): readonly ClientCase[] {
  return [
    {
      row,
      name: `${row}: a loop gets each event when it happens, and stops the source when it is left`,
      async run(context) {
        const room = newRoom();
        const client = context.create({ transport: create(context) });
        const results = client.subscribe(messagesOf(room))[Symbol.asyncIterator]();
        for (const text of ['one', 'Straße ✓ 🚰', 'three']) {
          const next = results.next();
          await context.sources(1);
          await context.tell('publish', room, text);
          assertEqual(textOf((await next).value as object), text); // there is one
        }
        await results.return?.();
        await context.sources(0);
        assertEqual(await results.next(), { done: true });
      },
    },
    {
      row,
      name: `${row}: an observer gets all results and the end`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const seen: unknown[] = [];
        await new Promise<void>((resolve, reject) => {
          client.subscribe({ query: 'subscription { countdown(from: 3) }' }).subscribe({
            next: ({ data }) => seen.push(data?.['countdown']),
            error: reject,
            complete: resolve,
          });
        });
        assertEqual(seen, [3, 2, 1]);
      },
    },
    {
      row,
      name: `${row}: an error of one event is a value, and the next events follow`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const seen: unknown[] = [];
        for await (const { data, errors } of client.subscribe({ query: 'subscription { flaky }' }))
          seen.push([data?.['flaky'], errors?.[0]?.message]);
        assertEqual(seen, [
          [1, undefined],
          [null, 'flaky'],
          [3, undefined],
        ]);
      },
    },
  ];
}

function endings({ row, create }: NamedTransport): readonly ClientCase[] {
  return [
    {
      row,
      name: `${row}: a subscription that the server refuses is one result with errors, and ends`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const seen: unknown[] = [];
        for await (const { errors } of client.subscribe({ query: 'subscription { refuses }' }))
          seen.push(errors?.[0]?.message);
        assertEqual(seen, ['no such room']);
      },
    },
    {
      row,
      name: `${row}: a signal ends a stream without an error, and a query with its reason`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const controller = new AbortController();
        const { signal } = controller;
        const seen = (async () => {
          for await (const result of client.subscribe({ ...messagesOf(newRoom()), signal }))
            return result;
          return 'ended';
        })();
        await context.sources(1);
        const asked = failureOf(client.query({ query: '{ never }', signal }));
        controller.abort(new Error('enough'));
        assertEqual([await seen, (await asked)['message']], ['ended', 'enough']);
        await context.sources(0);
      },
    },
    {
      row,
      name: `${row}: close() ends what runs as if it was complete`,
      async run(context) {
        const client = context.create({ transport: create(context) });
        const next = client.subscribe(messagesOf(newRoom()))[Symbol.asyncIterator]().next();
        await context.sources(1);
        client.close();
        assertEqual(await next, { done: true });
        await context.sources(0);
        await context.connections(0);
      },
    },
  ];
}

function comesBack({ row, create }: NamedTransport): ClientCase {
  return {
    row: 'Coming back',
    name: `${row}: comes back after a lost connection, and resumes without a missing event`,
    async run(context) {
      const room = newRoom();
      const lost: unknown[] = [];
      const client = context.create({
        transport: create(context),
        resume: resumable(),
        onDisconnected: (failure, retryInMs) => lost.push([failure.code, retryInMs !== undefined]),
      });
      const messages = client.subscribe(messagesOf(room));
      const results = messages[Symbol.asyncIterator]();
      const first = results.next();
      await context.sources(1);
      await context.tell('publish', room, 'one');
      const seen = [textOf((await first).value as object)]; // there is one
      await context.tell('cut');
      for (const text of ['two', 'three']) await context.tell('publish', room, text);
      for (let i = 0; i < 2; i += 1) seen.push(textOf((await results.next()).value as object)); // likewise
      assertEqual(seen, ['one', 'two', 'three']);
      assertEqual(messages.status.current, 'recovered');
      assertEqual(lost, [['CONNECTION_LOST', true]]);
      await results.return?.();
    },
  };
}
