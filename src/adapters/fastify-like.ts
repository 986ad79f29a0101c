import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** What is read of a request of Fastify. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage | Http2ServerRequest;
  readonly originalUrl: string;
  readonly body?: unknown;
}

/** What is called of a reply of Fastify. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse | Http2ServerResponse;
  code(status: number): unknown;
  headers(values: Readonly<Record<string, string>>): unknown;
  getHeader(name: string): unknown;
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>;
  hijack(): unknown;
  send(payload: string): unknown;
}

/** What is called of an application of Fastify. */
export interface FastifyInstanceLike {
  readonly server: EventEmitter;
  readonly initialConfig: FastifyConfigLike;
  removeAllContentTypeParsers(): void;
  addContentTypeParser(type: string, parser: BodyParser): unknown;
  addHook(name: 'onRoute', hook: (route: { readonly url: string }) => void): unknown;
  addHook(name: 'onReady' | 'preClose' | 'onClose', hook: () => Promise<void>): unknown;
  all(
    path: string,
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => void,
  ): unknown;
}

/** What is read of the options of an application. */
export interface FastifyConfigLike {
  readonly http2?: boolean;
  readonly https?: boolean | { readonly allowHTTP1: boolean };
  readonly ignoreTrailingSlash?: boolean;
  readonly routerOptions?: { readonly ignoreTrailingSlash?: boolean };
}

type BodyParser = (
  request: FastifyRequestLike,
  payload: unknown,
  done: (error: null, body: unknown) => void,
) => void;
