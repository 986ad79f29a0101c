import type { FastifyInstance } from 'fastify';
import type { FastifyPluginOptions } from 'millrace/adapters/fastify';
import type { Server, ServerOptions } from 'millrace/server';
import { onTestFinished } from 'vitest';

import { createFixtureServer } from './create-fixture-server.ts';
import type { FixtureApp } from './fixture-app.ts';
import { createFastify, serveFastify } from './serve-fastify.ts';

/** The fixture application behind one of Fastify. */
export interface FastifyStage {
  readonly fixture: FixtureApp;
  readonly server: Server;
  readonly url: string;
  readonly post: (body: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

/** An application that listens until the test ends. */
export async function stageFastify(
  app: FastifyInstance = createFastify(),
  options: Partial<ServerOptions> = {},
  plugin: FastifyPluginOptions = {},
): Promise<FastifyStage> {
  const { fixture, server } = createFixtureServer(options);
  const served = await serveFastify(server, app, plugin);
  onTestFinished(() => served.close());
  const { url } = served;
  const post: FastifyStage['post'] = (body, headers = { 'content-type': 'application/json' }) =>
    fetch(url, { method: 'POST', headers, body });
  return { fixture, server, url, post };
}
