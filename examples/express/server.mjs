import process from 'node:process';

import express from 'express';
import { attachUpgrades, createExpressMiddleware } from 'millrace/adapters/express';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

const server = createServer(createRooms());
const app = express();

// a parser that reads the body before is no obstacle
app.use(express.json());
app.get('/', (_request, response) => response.send('Subscribe at /graphql'));
app.use('/graphql', createExpressMiddleware(server));

const httpServer = app.listen(Number(process.env['PORT'] ?? 4000), () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (httpServer.address());
  console.log(`GraphQL at http://localhost:${port}/graphql`);
});
// Express knows no upgrades: WebSockets come to the HTTP server
const upgrades = attachUpgrades(server, httpServer, { path: '/graphql' });

process.once('SIGTERM', () => {
  void upgrades.drain({ windowMs: 2_000 }).then(() => httpServer.close());
});
