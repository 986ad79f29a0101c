import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { build } from 'vite';

import type { FixtureApp } from './fixture-app.ts';

const repository = new URL('../../', import.meta.url);

/** Scripts by their paths on the site. */
export type Scripts = ReadonlyMap<string, string>;

/** Bundles the page and the worker of the tests of tabs. */
export async function bundleTabs(): Promise<Scripts> {
  const files = ['page', 'worker'] as const;
  const texts = await Promise.all(files.map((file) => bundle(`test/browser/tabs/${file}.ts`)));
  return new Map(files.map((file, index) => [`/${file}.js`, texts[index] ?? '']));
}

async function bundle(file: string): Promise<string> {
  const { exports } = JSON.parse(await readFile(new URL('package.json', repository), 'utf8')) as {
    readonly exports: Record<string, string | { readonly default: string }>;
  };
  const alias = Object.entries(exports).map(([name, target]) => ({
    find: new RegExp(`^millrace${name.slice(1)}$`),
    replacement: fileURLToPath(
      new URL(
        (typeof target === 'string' ? target : target.default)
          .replace('./dist/', './src/')
          .replace('.js', '.ts'),
        repository,
      ),
    ),
  }));
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { alias },
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL(file, repository)), formats: ['es'], fileName: 'it' },
    },
  });
  const [bundled] = Array.isArray(built) ? built : [built];
  if (!bundled || !('output' in bundled)) throw new Error(`${file} was not bundled`);
  return bundled.output[0].code;
}

/** A program that serves pages and workers beside GraphQL. */
export interface TabsSite {
  readonly app: FixtureApp;
  readonly port: number;
  readonly origin: string;
  /** Sockets of clients that are open. */
  readonly openSockets: number;
  /** Operations that have not ended. */
  readonly operations: number;
  /** Who each socket said that it is, of those that were ever opened. */
  readonly users: readonly unknown[];
  close(): Promise<void>;
}

/** Serves `scripts` and `app`; a site on the same port as the one before takes the same tokens. */
export async function serveTabsSite(
  scripts: Scripts,
  app: FixtureApp,
  port = 0,
): Promise<TabsSite> {
  const users: unknown[] = [];
  const httpServer = createHttpServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const script = scripts.get(pathname);
    if (pathname !== '/' && script === undefined) response.writeHead(404).end();
    else if (script !== undefined)
      response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script);
    else
      response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end('<!doctype html><title>Tab</title><script type="module" src="/page.js"></script>');
  });
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    resume: { keys: [{ id: 'tabs', secret: 'a secret of thirty-two characters' }] },
    onConnect: ({ connectionParams }) => {
      users.push(connectionParams?.['user']);
    },
  });
  const attachment = attach(server, httpServer);
  await once(httpServer.listen(port, '127.0.0.1'), 'listening');
  const { port: bound } = httpServer.address() as AddressInfo; // it listens on a TCP port
  return {
    app,
    port: bound,
    origin: `http://127.0.0.1:${bound}`,
    get openSockets() {
      return server.gauges().connections;
    },
    get operations() {
      return server.gauges().operations;
    },
    users,
    async close() {
      await attachment.close();
      if (!httpServer.listening) return;
      const closed = once(httpServer, 'close');
      httpServer.close();
      httpServer.closeAllConnections();
      await closed;
    },
  };
}
