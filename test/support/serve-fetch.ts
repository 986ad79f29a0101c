import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';

import type { FetchHandler } from 'millrace/adapters/fetch';

/** The little that it takes to have Node call a handler of `fetch`; upgrades are requests to it like others. */
export async function serveFetch(
  handler: FetchHandler,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const httpServer = createServer((incoming, outgoing) => void answer(handler, incoming, outgoing));
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    close: () =>
      new Promise((resolve) => {
        httpServer.close(() => resolve());
        httpServer.closeAllConnections();
      }),
  };
}

async function answer(
  handler: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method = 'GET', url = '/', headers, socket } = incoming;
  const controller = new AbortController();
  outgoing.on('close', () => controller.abort());
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const request = new Request(`http://${headers.host}${url}`, {
    method,
    headers: headers as Record<string, string>, // no request of these tests has `set-cookie`
    signal: controller.signal,
    // `duplex` is not known to the types yet, and Node demands it
    ...(hasBody && ({ body: Readable.toWeb(incoming), duplex: 'half' } as object)),
  });
  const { remoteAddress } = socket;
  const response = await handler(request, remoteAddress === undefined ? {} : { remoteAddress });
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) return void outgoing.end();
  // the two types of the same thing
  const body = Readable.fromWeb(response.body as NodeReadableStream);
  outgoing.flushHeaders();
  await pipeline(body, outgoing).catch(() => outgoing.destroy()); // cut off, or its client has left
}
