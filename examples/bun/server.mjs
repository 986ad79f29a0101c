// @ts-nocheck -- the types of Bun are not installed here
import process from 'node:process';

import { createBunHandlers } from 'millrace/adapters/bun';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

const server = createServer(createRooms());
const bunServer = Bun.serve({
  port: Number(process.env['PORT'] ?? 4000),
  ...createBunHandlers(server),
});
console.log(`GraphQL at http://localhost:${bunServer.port}/graphql`);

process.once('SIGTERM', () => void server.drain().then(() => bunServer.stop(true)));
