import process from 'node:process';

import Fastify from 'fastify';
import { createFastifyPlugin } from 'millrace/adapters/fastify';
import { createServer } from 'millrace/server';

import { createRooms } from '../fetch/rooms.mjs';

const app = Fastify({ logger: { level: 'warn' }, forceCloseConnections: true });

// sees every request before the server does; upgrades to WebSocket pass by
app.addHook('onRequest', async (request) => {
  request.log.info({ agent: request.headers['user-agent'] }, 'who asks');
});
app.get('/', () => 'Subscribe at /graphql');

const server = createServer({
  ...createRooms(),
  onInternalError: (error) => app.log.error(error),
});
app.register(createFastifyPlugin(server, { path: '/graphql', drain: { windowMs: 2_000 } }));

const origin = await app.listen({ port: Number(process.env['PORT'] ?? 4000), host: '127.0.0.1' });
console.log(`GraphQL at ${origin}/graphql`);

// drains the server, then frees the port
process.once('SIGTERM', () => void app.close());
