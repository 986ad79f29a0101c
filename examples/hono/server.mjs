import process from 'node:process';

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createHonoHandler } from 'millrace/adapters/hono';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

const app = new Hono();
app.get('/', (context) => context.text('Subscribe at /graphql'));
app.all('/graphql', createHonoHandler(createServer(createRooms())));

serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 4000) }, ({ port }) =>
  console.log(`GraphQL at http://localhost:${port}/graphql`),
);
