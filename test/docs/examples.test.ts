import { readFileSync } from 'node:fs';

import * as clientModule from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { connectSocket } from '../support/socket-client.ts';
import type { RunningExample } from './running-example.ts';
import { post, runExample } from './running-example.ts';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

let example: RunningExample | undefined;
let client: Client | undefined;

afterEach(async () => {
  client?.close();
  await example?.close();
  vi.doUnmock('millrace/client');
});

function connect(url: string, options: Partial<ClientOptions> = {}): Client {
  client = clientModule.createClient({ transport: websocket(), ...options, url });
  return client;
}

describe('the code that the documents show', () => {
  it.each([
    { document: 'README.md', file: 'examples/quick-start/server.mjs', language: 'js' },
    { document: 'README.md', file: 'examples/quick-start/client.mjs', language: 'js' },
    { document: 'docs/server.md', file: 'examples/authentication/server.ts', language: 'ts' },
    { document: 'docs/server.md', file: 'examples/workers/server.mjs', language: 'js' },
    { document: 'docs/appsync.md', file: 'examples/appsync/server.ts', language: 'ts' },
    { document: 'docs/appsync.md', file: 'examples/appsync/signed.ts', language: 'ts' },
    { document: 'docs/client.md', file: 'examples/client/own-protocol.ts', language: 'ts' },
  ])('in $document is $file, to the letter', ({ document, file, language }) => {
    const code = `\`\`\`${language}\n${read(file)}\`\`\`\n`;

    expect(read(document)).toContain(code);
  });
});

describe('the quick start', () => {
  it('delivers what is said in a room to the client that listens there', async () => {
    const running = await runExample(() => import('../../examples/quick-start/server.mjs'));
    example = running;
    vi.doMock('millrace/client', () => ({
      ...clientModule,
      createClient: (options: ClientOptions) => connect(running.url, options),
    }));

    const listening = import('../../examples/quick-start/client.mjs');
    await vi.waitFor(async () => {
      await post(running.url, 'mutation { say(room: "lobby", text: "Hello") }');
      expect(running.printed).toContainEqual({ said: 'Hello' });
    });
    client?.close();
    await listening;

    expect(running.printed[0]).toBe(`GraphQL at ${running.url}`);
  });
});

describe('the example with authentication', () => {
  it('refuses who has no token, over HTTP and over WebSocket', async () => {
    example = await runExample(() => import('../../examples/authentication/server.ts'));

    const asked = connect(example.url).query({ query: '{ me }' });

    await expect(asked).rejects.toMatchObject({ closeCode: 4403, reason: 'Unknown token' });
    expect(await post(example.url, '{ me }')).toMatchObject({ status: 403 });
  });

  it('shows each customer the own orders alone', async () => {
    example = await runExample(() => import('../../examples/authentication/server.ts'));
    const { url } = example;
    const ship = (id: string, token: string) =>
      post(url, `mutation { ship(id: "${id}") { id } }`, { authorization: `Bearer ${token}` });
    let first: unknown;
    connect(url, { connectionParams: { token: 'token-of-ada' } })
      .subscribe({ query: 'subscription { orderShipped { id } }' })
      .subscribe((result) => (first ??= result));

    // nothing tells when the subscription has started, so orders are shipped until one arrives
    await vi.waitFor(async () => {
      await ship('1', 'token-of-bob');
      await ship('2', 'token-of-ada');
      expect(first).toBeDefined();
    });

    expect(first).toEqual({ data: { orderShipped: { id: '2' } } });
  });
});

const authorizationOf = (key: string) => ({ 'x-api-key': key });
const start = (id: string, key: string) =>
  JSON.stringify({
    id,
    type: 'start',
    payload: {
      data: '{"query":"subscription { onCreateTodo { name } }"}',
      extensions: { authorization: authorizationOf(key) },
    },
  });
const tokenOf = (key: string) =>
  `header-${Buffer.from(JSON.stringify(authorizationOf(key))).toString('base64url')}`;

describe('the example for AppSync clients', () => {
  it('asks for the key of each connection, each operation and each request', async () => {
    example = await runExample(() => import('../../examples/appsync/server.ts'));
    const url = `${example.url}/realtime`;
    const stranger = await connectSocket(url, ['graphql-ws', tokenOf('da2-other')]);
    stranger.send('{"type":"connection_init"}');
    expect(await stranger.next()).toMatchObject({ message: { type: 'connection_error' } });
    const socket = await connectSocket(url, ['graphql-ws', tokenOf('da2-example')]);
    socket.send('{"type":"connection_init"}');
    await socket.next();
    await socket.next();
    socket.send(start('1', 'da2-other'));
    expect(await socket.next()).toMatchObject({ message: { id: '1', type: 'error' } });
    socket.send(start('2', 'da2-example'));
    expect(await socket.next()).toMatchObject({ message: { id: '2', type: 'start_ack' } });

    const create = 'mutation { createTodo(name: "x") { name } }';
    expect(await post(example.url, create)).toMatchObject({ status: 403 });
    await post(example.url, create, authorizationOf('da2-example'));

    expect(await socket.next()).toMatchObject({
      message: { id: '2', payload: { data: { onCreateTodo: { name: 'x' } } } },
    });
  });
});
