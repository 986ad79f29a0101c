import express from 'express';
import express4 from 'express-4';
import { createFetchHandler } from 'millrace/adapters/fetch';
import { createHonoHandler } from 'millrace/adapters/hono';
import { listen } from 'millrace/adapters/node';

import type { AdapterUnderTest } from '../../contract/adapter-contract.ts';
import {
  standardSockets,
  withoutWebSockets,
  workerDifferences,
} from '../../contract/adapter-differences.ts';
import { stageHere } from '../../support/adapter-stage.ts';
import type { Served, StartStage } from '../../support/adapter-stage.ts';
import { serveExpress } from '../../support/serve-express.ts';
import { serveFastify } from '../../support/serve-fastify.ts';
import { serveFetch } from '../../support/serve-fetch.ts';
import { serveHono } from '../../support/serve-hono.ts';
import { commands, workerd } from './program.ts';
import { Runtime, versionOf } from './runtime.ts';

/** An adapter in a runtime. */
export interface Place extends Omit<AdapterUnderTest, 'start'> {
  /** Starts the runtime. */
  open(): Promise<{ readonly start: StartStage; end(): Promise<void> }>;
}

/** Where the adapters are tried, in the order of the table. */
export const places: readonly Place[] = [
  here('Node', (server) => listen(server, { port: 0, host: '127.0.0.1' })),
  here('Fastify 5', (server) => serveFastify(server)),
  here('Express 5', (server) => serveExpress(server, express())),
  here('Express 4', (server) => serveExpress(server, express4())),
  here('fetch, on Node', (server) => serveFetch(createFetchHandler(server)), {
    withoutSockets: withoutWebSockets,
  }),
  here('Hono, on Node', (server) => serveHono(createHonoHandler(server)), {
    withoutSockets: withoutWebSockets,
  }),
  {
    name: `Bun ${versionOf('bun')}`,
    open: () => inRuntime('bun', commands.bun),
  },
  {
    name: 'Hono, on Bun',
    open: () => inRuntime('bun-hono', commands.bun),
  },
  {
    name: `Deno ${versionOf('deno')}`,
    open: () => inRuntime('deno', commands.deno),
    differences: standardSockets,
  },
  {
    name: `Workers, workerd ${versionOf('workerd')}`,
    open: () => inRuntime('workers', workerd('programs/workers.capnp')),
    differences: workerDifferences,
  },
];

/** In this process. */
function here(
  name: string,
  serve: (server: Parameters<Parameters<typeof stageHere>[0]>[0]) => Promise<Served>,
  more: Pick<Place, 'withoutSockets'> = {},
): Place {
  const open = (): ReturnType<Place['open']> =>
    Promise.resolve({ start: stageHere(serve), end: () => Promise.resolve() });
  return { name, open, ...more };
}

async function inRuntime(
  ...[program, command]: Parameters<typeof Runtime.start>
): ReturnType<Place['open']> {
  const runtime = await Runtime.start(program, command);
  return { start: runtime.startStage, end: () => runtime.end() };
}
