import process from 'node:process';

import { serve } from '@hono/node-server';
import { createFetchHandler } from 'millrace/adapters/fetch';
import { createServer } from 'millrace/server';

import { createRooms } from './rooms.mjs';

const handle = createFetchHandler(createServer(createRooms()));

// whatever calls a function with a `Request` will do
serve(
  { fetch: (request) => handle(request), port: Number(process.env['PORT'] ?? 4000) },
  ({ port }) => console.log(`GraphQL at http://localhost:${port}/graphql`),
);
