import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream';

import type { HttpResponse, RequestHead, Server } from '../server/index.ts';
import { openStream } from './node-stream.ts';

/** Answers a plain request with what `server` says; resolves once the answer is sent or its client gone, never rejects. */
export async function answer(
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const left = new AbortController();
  const ended = new Promise<void>((resolve) => {
    response.once('close', () => {
      left.abort();
      resolve();
    });
  });
  const { bodyBytes } = server.limits;
  const answered = await server.handleRequest({
    ...toRequestHead(request),
    body: (maximumBytes) => readBody(request, maximumBytes),
    signal: left.signal,
  });
  if (left.signal.aborted) return;
  discardRest(request, 2 * bodyBytes);
  if (!response.headersSent) send(request, response, answered);
  await ended;
}

function send(request: IncomingMessage, response: ServerResponse, answered: HttpResponse): void {
  const headers = toHeaders(request, answered);
  if (answered.kind === 'whole') {
    const length = { 'content-length': Buffer.byteLength(answered.body) };
    const hasBody = answered.status !== 204;
    response.writeHead(answered.status, { ...headers, ...(hasBody && length) });
    response.end(answered.body);
    return;
  }
  openStream(request, response, { ...answered, headers });
}

/** HTTP/2 knows no headers about the connection (RFC 9113 section 8.2.2). */
function toHeaders(
  { httpVersionMajor }: IncomingMessage,
  { headers }: HttpResponse,
): HttpResponse['headers'] {
  if (httpVersionMajor < 2) return headers;
  const { connection: _connection, ...others } = headers;
  return others;
}

/** Copies what a server needs to know, so that the request itself is not kept alive by a long connection. */
export function toRequestHead(request: IncomingMessage): RequestHead {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  // what HTTP/2 has in place of `host` (RFC 9113 section 8.3.1)
  headers['host'] ??= headers[':authority'];
  const { remoteAddress } = request.socket;
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers,
    ...(remoteAddress !== undefined && { remoteAddress }),
  };
}

/** Reads a body as UTF-8, at most `maximumBytes` of it. Rejects if the client leaves in between. */
function readBody(
  request: IncomingMessage,
  maximumBytes: number,
): Promise<{ readonly text: string } | 'too-big'> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes)
    return Promise.resolve('too-big');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      request.off('data', read);
      forget();
    };
    const read = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= maximumBytes) return void chunks.push(chunk);
      stop();
      resolve('too-big');
    };
    const forget = finished(request, { writable: false }, (error) => {
      stop();
      if (error) reject(error);
      else resolve({ text: Buffer.concat(chunks).toString('utf8') });
    });
    request.on('data', read);
  });
}

/**
 * Throws away what a client still sends of a body that nobody wants, so that its connection can carry the next request.
 * A client that sends on and on is cut off.
 */
function discardRest(request: IncomingMessage, maximumBytes: number): void {
  if (request.complete) return;
  let bytes = 0;
  request.on('error', () => {}); // nobody waits for this body
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maximumBytes) request.socket.destroy();
  });
}
