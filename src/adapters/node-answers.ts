import type { ServerResponse } from 'node:http';

import type { HttpResponse, Server } from '../server/index.ts';
import type { NodeRequest } from './node-request.ts';
import { openStream } from './node-stream.ts';
import { keepVary } from './vary.ts';

/** The answers to plain requests that an HTTP server of Node is giving. */
export interface NodeAnswers {
  /** Answers `asked`, perhaps by way of a framework. */
  give(asked: NodeRequest, response: ServerResponse, way?: Way): void;
  /** Resolves once each is sent, or its client gone. */
  ended(): Promise<void>;
  /** Ends the connections of those that are left. */
  cut(): void;
}

/** The way of a framework to answer. */
export interface Way {
  /** Sends an answer that is no stream. */
  sendWhole(answered: WholeResponse): void;
  /** A stream begins: what is written from here on goes past the framework. */
  leave(): void;
}

export type WholeResponse = Extract<HttpResponse, { readonly kind: 'whole' }>;

/** What is told when a response is closed; it hangs on the response, so that all of them share one listener. */
interface Watcher {
  closed(): void;
}

const watcher = Symbol('watcher');

interface WatchedResponse extends ServerResponse {
  [watcher]?: Watcher | undefined;
}

/** Makes what answers requests with what `server` says. */
export function createAnswers(server: Server): NodeAnswers {
  const underWay = new Set<WatchedResponse>();
  const waiting: (() => void)[] = [];

  function onClose(this: WatchedResponse): void {
    this[watcher]?.closed();
    underWay.delete(this);
    if (underWay.size === 0) for (const resolve of waiting.splice(0)) resolve();
  }

  return {
    give(asked, response: WatchedResponse, way) {
      response[watcher] = asked;
      response.on('close', onClose);
      underWay.add(response);
      void answer(server, asked, { response, way }); // never rejects
    },
    ended: () =>
      new Promise((resolve) => {
        if (underWay.size === 0) resolve();
        else waiting.push(resolve);
      }),
    cut() {
      for (const response of underWay) response.destroy();
    },
  };
}

/** Resolves once the answer has begun, or its client is gone. */
async function answer(
  server: Server,
  asked: NodeRequest,
  { response, way }: { readonly response: WatchedResponse; readonly way: Way | undefined },
): Promise<void> {
  const { bodyBytes } = server.limits;
  const answered = await server.handleRequest(asked);
  if (asked.signal.aborted) return;
  asked.discardRest(2 * bodyBytes);
  if (response.headersSent) return;
  if (way && answered.kind === 'whole') {
    response[watcher] = undefined;
    return way.sendWhole({ ...answered, headers: toHeaders(response, answered) });
  }
  way?.leave();
  response[watcher] = send(response, answered);
}

/** Returns what is to be told when the response is closed. */
function send(response: ServerResponse, answered: HttpResponse): Watcher | undefined {
  const headers = toHeaders(response, answered);
  if (answered.kind === 'stream') return openStream(response, { ...answered, headers });
  const length = { 'content-length': Buffer.byteLength(answered.body) };
  const hasBody = answered.status !== 204;
  response.writeHead(answered.status, { ...headers, ...(hasBody && length) });
  response.end(answered.body);
  return undefined;
}

/** HTTP/2 knows no headers about the connection (RFC 9113 section 8.2.2). */
function toHeaders(response: ServerResponse, answered: HttpResponse): HttpResponse['headers'] {
  const headers = keepVary(answered.headers, response.getHeader('vary'));
  if (response.req.httpVersionMajor < 2) return headers;
  const { connection: _connection, ...others } = headers;
  return others;
}
