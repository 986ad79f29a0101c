import { createClient } from 'graphql-ws';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { recordOperation } from './support/recorded-operation.ts';
import type { RecordedOperation } from './support/recorded-operation.ts';
import { recordingWebSocket } from './support/recording-web-socket.ts';
import { Inbox } from '../support/waiting.ts';

/** Starts an operation by either library and returns what stops it. */
type Start = (query: string, operation: RecordedOperation<unknown>) => () => void;

/** Has the server say everything that it can say to an operation, one thing after the other. */
async function converse(server: FixtureServer, start: Start): Promise<void> {
  const room = recordOperation('room');
  const leaveRoom = start('subscription { message(room: "a") { text shout } }', room);
  await server.sources(1);
  await server.app.publish('a', 'Straße ✓ 🚰');
  await server.app.publish('a', 'bad');
  await room.reports.take(2);
  for (const query of [
    '{ hello echo(text: "\\"\\n\\u2028") }',
    'mutation { post(room: "b", text: "x") }',
    'subscription { countdown(from: 2) }',
    'subscription { breaks }',
    'subscription { refuses }',
    '{ hello',
    '{ nope nada }',
  ]) {
    await runToItsEnd(start, query);
  }
  leaveRoom();
  await server.sources(0);
  await server.app.publish('a', 'nobody is there');
  await runToItsEnd(start, '{ hello }');
}

async function runToItsEnd(start: Start, query: string): Promise<void> {
  const operation = recordOperation(query);
  start(query, operation);
  for (;;) if ((await operation.reports.next()).kind !== 'next') return;
}

it('sends a client of graphql-ws exactly what its protocol says', async () => {
  const server = await serveFixture();
  const received: string[] = [];
  let operations = 0;
  const client = createClient({
    url: server.webSocketUrl,
    webSocketImpl: recordingWebSocket((frame) => {
      if ('received' in frame) received.push(frame.received);
    }),
    lazy: false,
    generateID: () => {
      operations += 1;
      return String(operations);
    },
  });
  onTestFinished(() => client.dispose());
  await converse(server, (query, operation) => client.subscribe({ query }, operation));
  expect(received).toEqual([
    '{"type":"connection_ack"}',
    '{"id":"1","type":"next","payload":{"data":{"message":{"text":"Straße ✓ 🚰","shout":"STRASSE ✓ 🚰"}}}}',
    '{"id":"1","type":"next","payload":{"data":{"message":null},"errors":[{"message":"cannot shout this","locations":[{"line":1,"column":42}],"path":["message","shout"]}]}}',
    '{"id":"2","type":"next","payload":{"data":{"hello":"world","echo":"\\"\\n\u2028"}}}',
    '{"id":"2","type":"complete"}',
    '{"id":"3","type":"next","payload":{"data":{"post":true}}}',
    '{"id":"3","type":"complete"}',
    '{"id":"4","type":"next","payload":{"data":{"countdown":2}}}',
    '{"id":"4","type":"next","payload":{"data":{"countdown":1}}}',
    '{"id":"4","type":"complete"}',
    '{"id":"5","type":"next","payload":{"data":{"breaks":1}}}',
    '{"id":"5","type":"error","payload":[{"message":"Internal server error","extensions":{"code":"SOURCE_FAILED"}}]}',
    '{"id":"6","type":"error","payload":[{"message":"no such room","locations":[{"line":1,"column":16}],"path":["refuses"],"extensions":{"code":"SUBSCRIBE_FAILED"}}]}',
    '{"id":"7","type":"error","payload":[{"message":"Syntax Error: Expected Name, found <EOF>.","locations":[{"line":1,"column":8}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}',
    '{"id":"8","type":"error","payload":[{"message":"Cannot query field \\"nope\\" on type \\"Query\\".","locations":[{"line":1,"column":3}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}},{"message":"Cannot query field \\"nada\\" on type \\"Query\\".","locations":[{"line":1,"column":8}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}',
    '{"id":"9","type":"next","payload":{"data":{"hello":"world"}}}',
    '{"id":"9","type":"complete"}',
  ]);
});

it('sends a client of subscriptions-transport-ws exactly what its protocol says', async () => {
  const server = await serveFixture();
  const received: string[] = [];
  const client = new SubscriptionClient(
    server.webSocketUrl,
    {},
    recordingWebSocket((frame) => {
      if ('received' in frame) received.push(frame.received);
    }),
  );
  onTestFinished(() => client.close());
  await converse(
    server,
    (query, operation) => client.request({ query }).subscribe(operation).unsubscribe,
  );
  expect(received).toEqual([
    '{"type":"connection_ack"}',
    '{"type":"ka"}',
    '{"id":"1","type":"data","payload":{"data":{"message":{"text":"Straße ✓ 🚰","shout":"STRASSE ✓ 🚰"}}}}',
    '{"id":"1","type":"data","payload":{"data":{"message":null},"errors":[{"message":"cannot shout this","locations":[{"line":1,"column":42}],"path":["message","shout"]}]}}',
    '{"id":"2","type":"data","payload":{"data":{"hello":"world","echo":"\\"\\n\u2028"}}}',
    '{"id":"2","type":"complete","payload":null}',
    '{"id":"3","type":"data","payload":{"data":{"post":true}}}',
    '{"id":"3","type":"complete","payload":null}',
    '{"id":"4","type":"data","payload":{"data":{"countdown":2}}}',
    '{"id":"4","type":"data","payload":{"data":{"countdown":1}}}',
    '{"id":"4","type":"complete","payload":null}',
    '{"id":"5","type":"data","payload":{"data":{"breaks":1}}}',
    '{"id":"5","type":"error","payload":{"message":"Internal server error","extensions":{"code":"SOURCE_FAILED"}}}',
    '{"id":"6","type":"error","payload":{"message":"no such room","locations":[{"line":1,"column":16}],"path":["refuses"],"extensions":{"code":"SUBSCRIBE_FAILED"}}}',
    '{"id":"7","type":"error","payload":{"message":"Syntax Error: Expected Name, found <EOF>.","locations":[{"line":1,"column":8}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}}',
    '{"id":"8","type":"data","payload":{"errors":[{"message":"Cannot query field \\"nope\\" on type \\"Query\\".","locations":[{"line":1,"column":3}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}},{"message":"Cannot query field \\"nada\\" on type \\"Query\\".","locations":[{"line":1,"column":8}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}}',
    '{"id":"8","type":"complete","payload":null}',
    '{"id":"1","type":"complete","payload":null}',
    '{"id":"9","type":"data","payload":{"data":{"hello":"world"}}}',
    '{"id":"9","type":"complete","payload":null}',
  ]);
});

it.each(['graphql-transport-ws', 'graphql-ws'])(
  'answers the handshake of %s with the headers of RFC 6455 and no extension',
  async (token) => {
    const server = await serveFixture();
    const handshakes = new Inbox<readonly string[]>('the handshake');
    const socket = new WebSocket(server.webSocketUrl, token); // offers permessage-deflate
    onTestFinished(() => socket.terminate());
    socket.on('upgrade', ({ rawHeaders }) => handshakes.push(rawHeaders));
    expect(await handshakes.next()).toEqual([
      'Upgrade',
      'websocket',
      'Connection',
      'Upgrade',
      'Sec-WebSocket-Accept',
      expect.any(String),
      'Sec-WebSocket-Protocol',
      token,
    ]);
  },
);
