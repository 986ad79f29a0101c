import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

import type { ReceivedMessage } from './callback-router.ts';
import { CallbackRouter } from './callback-router.ts';

/** A router that listens on a port of 127.0.0.1 until the test ends. */
export interface CallbackEndpoint {
  readonly router: CallbackRouter;
  /** TCP connections that reached it so far. */
  readonly connections: () => number;
}

export async function listenForCallbacks(): Promise<CallbackEndpoint> {
  let connections = 0;
  const httpServer = createServer((request, response) => void answer(request, response));
  httpServer.on('connection', () => {
    connections += 1;
  });
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  onTestFinished(() => {
    httpServer.close();
    httpServer.closeAllConnections();
  });
  // it listens on TCP
  const { port } = httpServer.address() as AddressInfo;
  const router = new CallbackRouter(`http://127.0.0.1:${port}`);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = await request.toArray();
    // only emitters know where it is, and they write nothing else
    const message = JSON.parse(Buffer.concat(chunks).toString()) as ReceivedMessage;
    const url = router.origin + (request.url ?? '');
    const protocol = String(request.headers['subscription-protocol']);
    const headers = {
      'content-type': String(request.headers['content-type']),
      'subscription-protocol': protocol,
    };
    const { status, headers: answered, body } = await router.receive({ url, headers, message });
    response.writeHead(status, answered).end(body);
  };
  return { router, connections: () => connections };
}
