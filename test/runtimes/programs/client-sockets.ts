import { http } from 'millrace/client/http';
import { websocket } from 'millrace/client/websocket';
import type { WebSocketOptions } from 'millrace/client/websocket';

import { assertEqual, failureOf, messagesOf, newRoom, textOf, until } from './client-case.ts';
import type { ClientCase } from './client-case.ts';

/** What only a client with a shared connection does. */
export const socketCases: readonly ClientCase[] = [
  {
    row: 'Many operations on one socket',
    name: 'a hundred subscriptions share one socket',
    async run(context) {
      const room = newRoom();
      const client = context.create({ transport: websocket(context.sockets) });
      const seen: unknown[] = [];
      for (let i = 0; i < 100; i += 1)
        client.subscribe(messagesOf(room)).subscribe((result) => seen.push(textOf(result)));
      await until(async () => (await context.tell('operations')) === 100, 'all operations');
      assertEqual(await context.tell('connections'), 1, 'connections');
      await context.tell('publish', room, 'to all');
      await until(() => seen.length >= 100, 'an event for each');
      assertEqual([seen.length, new Set(seen).size], [100, 1]);
    },
  },
  {
    row: 'Connection parameters',
    name: 'connectionParams are asked for on each connection, and the ack is told',
    async run(context) {
      let asked = 0;
      const acks: unknown[] = [];
      const client = context.create({
        transport: websocket(context.sockets),
        connectionParams: () => {
          asked += 1;
          return Promise.resolve({ token: `fresh ${asked}` });
        },
        onConnected: (ackPayload) => acks.push(ackPayload),
      });
      client.subscribe(messagesOf(newRoom())).subscribe({});
      await until(() => acks.length === 1, 'a connection');
      client.reconnect();
      await until(() => acks.length === 2, 'another one');
      assertEqual(acks, [{ params: { token: 'fresh 1' } }, { params: { token: 'fresh 2' } }]);
    },
  },
  {
    row: 'Refused connections',
    name: 'a connection that is refused with 4403 is not tried again',
    async run(context) {
      const before = await context.tell('openedSockets');
      const client = context.create({
        transport: websocket(context.sockets),
        connectionParams: { token: 'wrong' },
      });
      const stream = client.subscribe(messagesOf(newRoom()))[Symbol.asyncIterator]();
      const { name, code, closeCode, reason, retryable } = await failureOf(stream.next());
      assertEqual(
        { name, code, closeCode, reason, retryable },
        {
          name: 'TransportError',
          code: 'CONNECTION_REFUSED',
          closeCode: 4403,
          reason: 'Not with this token',
          retryable: false,
        },
      );
      assertEqual((await context.tell('openedSockets')) - before, 1, 'sockets');
    },
  },
  {
    row: 'Refused connections',
    name: 'a socket where nobody listens is a failure that may pass',
    async run(context) {
      const client = context.create({
        url: await context.tell('closedUrl'),
        transport: websocket(context.sockets),
        retry: false,
      });
      const { name, code, retryable } = await failureOf(client.query({ query: '{ hello }' }));
      assertEqual([name, code, retryable], ['TransportError', 'CONNECTION_LOST', true]);
    },
  },
  {
    row: 'Refused connections',
    name: 'a request where nobody listens is a failure that may pass',
    async run(context) {
      const client = context.create({ url: await context.tell('closedUrl'), transport: http() });
      const { name, code, retryable } = await failureOf(client.query({ query: '{ hello }' }));
      assertEqual([name, code, retryable], ['TransportError', 'CONNECTION_LOST', true]);
    },
  },
  {
    row: 'Explicit connections',
    name: 'connect() holds a connection of its own until it is closed, and makes it again when it is lost',
    async run(context) {
      const client = context.create({ transport: websocket(context.sockets) });
      const connection = await client.connect({ connectionParams: { user: 'Ada' } });
      assertEqual(connection.ackPayload, { params: { user: 'Ada' } });
      await context.connections(1);
      const before = await context.tell('openedSockets');
      await context.tell('cut');
      await until(async () => (await context.tell('openedSockets')) > before, 'another connection');
      await context.connections(1);
      assertEqual(await connection.query({ query: '{ hello }' }), { data: { hello: 'world' } });
      connection.close();
      await context.connections(0);
    },
  },
  {
    row: 'Headers with the upgrade',
    name: 'headers go with the upgrade, where the implementation takes them',
    async run(context) {
      const acks: unknown[] = [];
      const options: WebSocketOptions = { ...context.sockets, headers: { 'x-token': 'secret' } };
      let transport: ReturnType<typeof websocket>;
      try {
        transport = websocket(options);
      } catch (error) {
        assertEqual((error as Error).name, 'UsageError'); // it throws errors
        return 'no';
      }
      const client = context.create({
        transport,
        onConnected: (ack) => acks.push(ack),
        retry: false,
      });
      await client.query({ query: '{ hello }' });
      const [ack] = acks as readonly (object & { token?: string })[]; // what the server says
      if (ack?.token === undefined) return 'ignored';
      assertEqual(ack, { params: {}, token: 'secret' });
      return 'yes';
    },
  },
  {
    row: 'Status of a refused upgrade',
    name: 'a refused upgrade has its status, or is at least a failure',
    async run(context) {
      const client = context.create({
        url: `${context.origin}/nowhere`,
        transport: websocket(context.sockets),
        retry: false,
      });
      const { name, status } = await failureOf(client.query({ query: '{ hello }' }));
      assertEqual(name, 'TransportError');
      if (status === undefined) return 'no';
      assertEqual(status, 404);
      return 'yes';
    },
  },
];
