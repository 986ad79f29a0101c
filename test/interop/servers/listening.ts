import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';

/** Resolves once a server with this listener listens. */
export async function listen(listener: RequestListener, port: number): Promise<Server> {
  const httpServer = createServer(listener);
  httpServer.listen(port, '127.0.0.1');
  await once(httpServer, 'listening');
  return httpServer;
}

/** For servers that know WebSockets only. */
export const noHttp: RequestListener = (_, response) => void response.writeHead(404).end();
