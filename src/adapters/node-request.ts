import type { IncomingMessage } from 'node:http';

import type { RequestHead } from '../server/index.ts';

/** Copies what a server needs to know, so that the request itself is not kept alive by a long connection. */
export function toRequestHead(request: IncomingMessage): RequestHead {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const { remoteAddress } = request.socket;
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers,
    ...(remoteAddress !== undefined && { remoteAddress }),
  };
}

/** Reads a body as UTF-8, at most `maximumBytes` of it. Rejects if the client leaves in between. */
export async function readBody(
  request: IncomingMessage,
  maximumBytes: number,
): Promise<{ readonly text: string } | 'too-big'> {
  if (Number(request.headers['content-length'] ?? 0) > maximumBytes) return 'too-big';
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maximumBytes) return 'too-big';
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}
