import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import type { RequestHead } from '../server/index.ts';

/**
 * What a server needs to know of a request, without the request itself: a connection may last for days.
 *
 * @param url - where the request was sent, if a framework has cut its `url`
 */
export function toRequestHead(
  request: IncomingMessage,
  url: string = request.url ?? '/',
): RequestHead {
  return request.httpVersionMajor < 2 ? new NodeRequestHead(request, url) : copyHead(request, url);
}

/** Shares the headers with its request, and looks the address up when somebody asks for it: few do. */
class NodeRequestHead implements RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHead['headers'];
  readonly #socket: Socket;

  constructor(request: IncomingMessage, url: string) {
    this.method = request.method ?? 'GET';
    this.url = url;
    this.headers = toStrings(request.headers);
    this.#socket = request.socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }
}

/** Of a request over HTTP/2, whose socket nobody may look at once its session is gone. */
function copyHead(request: IncomingMessage, url: string): RequestHead {
  const { method = 'GET' } = request;
  const headers = toStrings(request.headers);
  // what HTTP/2 has in place of `host` (RFC 9113 section 8.3.1)
  const host = headers['host'] ?? headers[':authority'];
  const { remoteAddress } = request.socket;
  return { method, url, headers: { ...headers, host }, remoteAddress };
}

function toStrings(headers: IncomingMessage['headers']): RequestHead['headers'] {
  const cookies = headers['set-cookie'];
  if (!cookies) return headers as RequestHead['headers']; // Node joins the lines of all others
  return { ...headers, 'set-cookie': cookies.join(', ') };
}
