import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { UsageError } from '../errors.ts';
import type { RequestHead, Server } from '../server/index.ts';
import { assumeOpenFiles } from './open-files.ts';
import type { AttachOptions, UpgradeAttachment } from './attach-upgrades.ts';
import { assertServer, attachUpgrades as attachToNode, pathsOf } from './attach-upgrades.ts';
import { createAnswers } from './node-answers.ts';
import { NodeRequest } from './node-request.ts';

export type { AttachOptions, UpgradeAttachment } from './attach-upgrades.ts';

/** What is read of a request of Express. */
export interface ExpressRequestLike extends IncomingMessage {
  /** `url` without the part that Express has cut from it. */
  readonly originalUrl: string;
  /** Of what is left of `url`. */
  readonly path: string;
  /** The route that was chosen, below `app.use` none. */
  readonly route?: unknown;
  /** What a parser before us made of the body. */
  readonly body?: unknown;
}

/** A middleware of Express. */
export type ExpressMiddleware = (
  request: ExpressRequestLike,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

const requests = new WeakMap<RequestHead, ExpressRequestLike>();

/**
 * Answers queries, mutations, and subscriptions over server-sent events and multipart in an application of Express 5 or 4:
 * `app.use('/graphql', createExpressMiddleware(server))`.
 *
 * @remarks
 * What is below the path it was given to goes on to the next middleware. A body that a parser has read is taken from `request.body`; if it is not there
 * the application has made a mistake, which its error handler gets as a {@link UsageError}. WebSockets need {@link attachUpgrades}.
 * @throws UsageError for what is no server
 */
export function createExpressMiddleware(server: Server): ExpressMiddleware {
  assertServer(server);
  assumeOpenFiles(server);
  const answers = createAnswers(server);
  return (request, response, next) => {
    if (request.route === undefined && request.path !== '/') return next();
    const body = readBefore(request);
    if (body instanceof UsageError) return next(body);
    const url = request.originalUrl;
    const asked = new NodeRequest(request, { url, ...(body !== undefined && { body }) });
    requests.set(asked.head, request);
    answers.give(asked, response);
  };
}

/**
 * Answers upgrades to WebSocket on `path` of the HTTP server that an application of Express listens with, whole paths from the root:
 * `attachUpgrades(server, app.listen(4000))`. A slash at the end makes no difference, as in Express.
 *
 * @remarks
 * Upgrades do not pass through the middleware of the application. The listeners that the HTTP server has by then get what is for other paths.
 * @throws UsageError for what is no HTTP server, such as the application itself
 */
export function attachUpgrades(
  server: Server,
  httpServer: EventEmitter,
  options: AttachOptions = {},
): UpgradeAttachment {
  assertServer(server);
  const path = pathsOf(options).flatMap((one) => [one, `${one}/`]);
  return attachToNode(server, httpServer, { ...options, path });
}

/** The request that a hook or a context was told of, with what earlier middleware has put there; of a WebSocket there is none. */
export function expressRequestOf(request: RequestHead): ExpressRequestLike | undefined {
  return requests.get(request);
}

/** The body, if somebody before us has read it. */
function readBefore(request: ExpressRequestLike): string | UsageError | undefined {
  if (!request.readableDidRead) return undefined;
  const { body, headers } = request;
  const isForm = headers['content-type']?.trim().toLowerCase().startsWith('multipart/') ?? false;
  if (body === undefined || isForm) {
    return new UsageError(
      'the body was read before Millrace got the request, and is not in `request.body`: put the middleware of Millrace before the one that reads it',
    );
  }
  if (typeof body === 'string') return body;
  return Buffer.isBuffer(body) ? body.toString('utf8') : JSON.stringify(body);
}
