import { auto } from 'millrace/client/auto';
import { http } from 'millrace/client/http';
import { incrementalDelivery } from 'millrace/client/incremental';
import { multipart } from 'millrace/client/multipart';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { sse } from 'millrace/client/sse';
import { tabs } from 'millrace/client/tabs';
import type { Sharing } from 'millrace/client/tabs';
import { uploads } from 'millrace/client/uploads';
import { websocket } from 'millrace/client/websocket';

import { assertEqual, messagesOf, newRoom, textOf } from './client-case.ts';
import type { ClientCase } from './client-case.ts';

/** What stands around transports, or in them. */
export const wrapperCases: readonly ClientCase[] = [
  {
    row: 'The first transport that works',
    name: 'auto() goes on to the next transport where the first one does not work',
    async run(context) {
      const room = newRoom();
      const url = await context.tell('closedUrl');
      const client = context.create({
        transport: auto([websocket({ ...context.sockets, url }), sse()]),
      });
      const results = client.subscribe(messagesOf(room))[Symbol.asyncIterator]();
      const next = results.next();
      await context.sources(1);
      await context.tell('publish', room, 'by another way');
      assertEqual(textOf((await next).value as object), 'by another way'); // there is one
      await results.return?.();
    },
  },
  {
    row: 'Files',
    name: 'uploads() sends files in forms',
    async run(context) {
      const client = context.create({
        url: `${context.origin}/files`,
        transport: http({ uploads: uploads() }),
      });
      const result = await client.mutate({
        query: 'mutation ($file: Upload!) { measure(file: $file) }',
        variables: { file: new File(['Straße'], 'street.txt') },
      });
      assertEqual(result, { data: { measure: 'street.txt: 7' } });
    },
  },
  ...(['websocket()', 'multipart()'] as const).map((name): ClientCase => ({
    row: 'Answers in parts',
    name: `incrementalDelivery() puts together what comes in parts over ${name}`,
    async run(context) {
      const transport = name === 'multipart()' ? multipart() : websocket(context.sockets);
      const client = context.create({
        url: `${context.origin}/parts`,
        transport: incrementalDelivery(transport),
      });
      const query = '{ person { name ... @defer { slow } } }';
      const seen: unknown[] = [];
      for await (const { data } of client.subscribe({ query })) seen.push(data);
      assertEqual(seen, [{ person: { name: 'Luke' } }, { person: { name: 'Luke', slow: 's' } }]);
      assertEqual((await client.query({ query })).data, { person: { name: 'Luke', slow: 's' } });
    },
  })),
  {
    row: 'Hashes of documents',
    name: 'persistedQueries() sends a hash, and the text to a server that asks for it',
    async run(context) {
      const client = context.create({ transport: persistedQueries(http({ method: 'GET' })) });
      for (let i = 0; i < 2; i += 1)
        assertEqual(await client.query({ query: '{ hello }' }), { data: { hello: 'world' } });
    },
  },
  {
    row: 'One connection for all tabs',
    name: 'tabs() shares a connection in a browser, and carries everything elsewhere',
    async run(context) {
      const sharing: Sharing[] = [];
      const transport = tabs({
        transport: websocket(context.sockets),
        name: newRoom(),
        onSharing: (way) => sharing.push(way),
      });
      const client = context.create({ transport });
      assertEqual(await client.query({ query: '{ hello }' }), { data: { hello: 'world' } });
      // where there are no tabs it depends on the version whether there is what they are made of
      if (!('document' in globalThis)) return '–';
      assertEqual(sharing, [{ kind: 'leader' }]);
      return 'yes';
    },
  },
];
