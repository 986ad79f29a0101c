// @ts-nocheck -- the types of Deno are not installed here
import process from 'node:process';

import { createDenoHandler } from 'millrace/adapters/deno';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

const server = createServer(createRooms());
const denoServer = Deno.serve(
  {
    port: Number(process.env['PORT'] ?? 4000),
    onListen: ({ port }) => console.log(`GraphQL at http://localhost:${port}/graphql`),
  },
  createDenoHandler(server),
);

process.once('SIGTERM', () => void server.drain().then(() => denoServer.shutdown()));
