import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

import { rows } from '../../examples/client/own-protocol.ts';

type Said = readonly [word: string, ...rest: readonly unknown[]];

describe('the example with a protocol of its own', () => {
  let server: WebSocketServer;
  let client: Client | undefined;
  let said: Said[];

  beforeEach(async () => {
    said = [];
    server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: () => 'rows.example',
    });
    await once(server, 'listening');
  });
  afterEach(async () => {
    client?.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
    await once(server, 'close');
  });

  /** A server that answers what the client says, word by word. */
  function answer(answers: Readonly<Record<string, readonly unknown[]>>): void {
    server.on('connection', (socket: WebSocket) => {
      socket.on('message', (bytes: Buffer) => {
        const message = JSON.parse(bytes.toString()) as Said;
        said.push(message);
        for (const row of answers[message[0]] ?? []) socket.send(JSON.stringify(row));
      });
    });
  }

  function connect(options: Partial<ClientOptions> = {}): Client {
    const { port } = server.address() as AddressInfo;
    client = createClient({
      url: `ws://127.0.0.1:${port}/`,
      transport: websocket({ protocol: rows }),
      retry: false,
      ...options,
    });
    return client;
  }

  it('carries an operation from its start to its end', async () => {
    answer({
      hello: [['welcome']],
      start: [
        ['row', '1', { data: { count: 1 } }],
        ['row', '1', { data: { count: 2 } }],
        ['end', '1'],
      ],
    });
    const received: unknown[] = [];

    const results = connect({ connectionParams: { user: 'Ada' } }).subscribe({
      query: '{ count }',
    });
    for await (const { data } of results) received.push(data);

    expect(received).toEqual([{ count: 1 }, { count: 2 }]);
    expect(said).toEqual([
      ['hello', { user: 'Ada' }],
      ['start', '1', { query: '{ count }' }],
    ]);
  });

  it('says that nobody wants the rest', async () => {
    answer({ hello: [['welcome']], start: [['row', '1', { data: { count: 1 } }]] });

    for await (const { data } of connect().subscribe({ query: '{ count }' })) {
      if (data) break;
    }
    await expect.poll(() => said.at(-1)).toEqual(['stop', '1']);
  });

  it('hands on errors as a result', async () => {
    answer({ hello: [['welcome']], start: [['failed', '1', [{ message: 'No such field' }]]] });

    const result = await connect().query({ query: '{ nothing }' });

    expect(result).toEqual({ errors: [{ message: 'No such field' }] });
  });

  it('hands on a refusal as a failure', async () => {
    answer({ hello: [['refused', 'Closed for today']] });

    await expect(connect().query({ query: '{ count }' })).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      payload: 'Closed for today',
    });
  });

  it('reports a message that it does not know, and goes on', async () => {
    answer({
      hello: [['welcome']],
      start: [['news'], null, ['row', '1', { data: { count: 1 } }], ['end', '1']],
    });
    const violations: string[] = [];

    const result = await connect({
      onProtocolViolation: (message) => violations.push(message),
    }).query({ query: '{ count }' });

    expect(result.data).toEqual({ count: 1 });
    expect(violations).toEqual(['Unreadable: ["news"]', 'Unreadable: null']);
  });
});
