import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';
import { describe, expect, it } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import { serveProtocol } from '../support/protocol-server.ts';

/** The two entry points: for browsers, and for Node with the implementation that it has itself since version 22. */
const transports = ['websocket()', 'websocketOfNode({ WebSocket })'];

const source = (path: string): string =>
  JSON.stringify(fileURLToPath(new URL(`../../src/client/${path}`, import.meta.url)));

const preamble = `
  import { createClient } from ${source('index.ts')};
  import { websocket } from ${source('websocket.ts')};
  import { websocket as websocketOfNode } from ${source('websocket-node.ts')};
  const print = (value) => console.log(JSON.stringify(value));
  const url = process.argv.at(-1);
`;

/**
 * Runs a program with the `WebSocket` of Node itself, which Node 20 has behind a flag.
 *
 * @returns what it printed until it ended by itself
 */
async function run(body: string, url: string): Promise<readonly unknown[]> {
  const child = spawn(
    process.execPath,
    ['--experimental-websocket', '--no-warnings', '--input-type=module', '-', url],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(await bundle(`${preamble}${body}`));
  await once(child, 'close');
  const lines = Buffer.concat(chunks).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** One module with the sources of the client in it. */
async function bundle(program: string): Promise<string> {
  const entry = 'virtual:program';
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: { write: false, ssr: true, target: 'node20', rollupOptions: { input: entry } },
  });
  if (!('output' in built)) throw new Error('not one bundle');
  return built.output[0].code;
}

describe.each(transports)(
  'on a runtime with a WebSocket of its own, a client with %s',
  (transport) => {
    it('asks and subscribes, and lets its program end', async () => {
      const server = await serveFixture();

      const printed = await run(
        `
      const client = createClient({ url, transport: ${transport} });
      print(await client.query({ query: '{ hello }' }));
      const countdown = client.subscribe({ query: 'subscription { countdown(from: 2) }' });
      for await (const { data } of countdown) print(data);
      client.close();
      `,
        server.httpUrl,
      );

      expect(printed).toEqual([{ data: { hello: 'world' } }, { countdown: 2 }, { countdown: 1 }]);
    });

    it('tells a close code and its reason', async () => {
      const server = await serveProtocol();
      const peer = server.ready();
      const printing = run(
        `
      const client = createClient({ url, transport: ${transport} });
      const failure = await client.query({ query: '{ a }' }).catch((error) => error);
      print(failure);
      `,
        server.url,
      );
      await (await peer).next();
      (await peer).close(4401, 'Unauthorized');

      expect(await printing).toMatchObject([
        { name: 'TransportError', closeCode: 4401, reason: 'Unauthorized', retryable: false },
      ]);
    });

    it('WS-44 fails where the upgrade is refused, of which older versions tell by an error alone', async () => {
      const server = await serveFixture();

      const printed = await run(
        `
      const client = createClient({ url, transport: ${transport}, retry: false });
      print(await client.query({ query: '{ a }' }).catch((error) => error));
      `,
        server.httpUrl.replace('/graphql', '/elsewhere'),
      );

      expect(printed).toMatchObject([{ name: 'TransportError', closeCode: 1006, retryable: true }]);
    });

    it('WS-41 fails where the answer has no subprotocol', async () => {
      const server = await serveProtocol('');

      const printed = await run(
        `
      const client = createClient({ url, transport: ${transport}, retry: false });
      print(await client.query({ query: '{ a }' }).catch((error) => error));
      `,
        server.url,
      );

      expect(printed).toMatchObject([{ name: 'TransportError' }]);
    });
  },
);
