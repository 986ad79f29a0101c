import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';

import { toDrainWindow } from '../server/drain.ts';
import type { DrainOptions, Server } from '../server/index.ts';
import type { AttachOptions } from './attach-upgrades.ts';
import { isAt, pathsOf, takeUpgrades } from './attach-upgrades.ts';
import type { DrainSignals } from './drain-signals.ts';
import { drainOn } from './drain-signals.ts';
import { createAnswers } from './node-answers.ts';
import { NodeRequest } from './node-request.ts';
import { assumeOpenFiles } from './open-files.ts';
import { requestTimeouts } from './request-timeouts.ts';
import { startListening, toOrigin } from './start-listening.ts';
import { takeFirst } from './take-first.ts';

export type { AttachOptions, UpgradeAttachment } from './attach-upgrades.ts';
export { attachUpgrades } from './attach-upgrades.ts';

/** Where a server listens. */
export interface ListenOptions extends AttachOptions {
  /** 0 lets the system choose. @defaultValue 4000 */
  readonly port?: number;
  /** @defaultValue every interface */
  readonly host?: string;
  /**
   * Signals that drain the server, free its port, and end the process if nothing else goes on in it; a second one closes the server at once.
   * `true`: SIGTERM; `false`: none.
   *
   * @defaultValue true
   */
  readonly drainOnSignals?: DrainSignals;
  /** How a signal drains the server, and {@link Running.drain} unless it is told. */
  readonly drain?: DrainOptions;
}

/** A server that is attached to an HTTP server of yours. */
export interface Attachment {
  /**
   * Stops answering, closes the connections with 1001 and resolves once they are gone; HTTP requests that are being answered get up to 5 s
   * for that. The HTTP server stays open. Closing twice is harmless.
   */
  close(): Promise<void>;
  /**
   * What {@link Server.drain} does; then cuts the answers that are left, and stops answering. The HTTP server stays open.
   * {@link Attachment.close} ends it at once.
   */
  drain(options?: DrainOptions): Promise<void>;
}

/** A server that listens. */
export interface Running {
  readonly url: string;
  readonly port: number;
  /** What {@link Attachment.close} does; then cuts what is left of the connections and frees the port. */
  close(): Promise<void>;
  /** What {@link Attachment.drain} does; then frees the port, which is open until then for whoever has to be sent elsewhere. */
  drain(options?: DrainOptions): Promise<void>;
}

/** What an answer that is under way gets when the server closes. */
const answerGraceMs = 5_000;

/** The same after a drain, which has waited for those that were not ready. */
const drainedGraceMs = 1_000;

/**
 * Listens on a port of its own.
 *
 * @throws the error of `node:net` (`EADDRINUSE` and others) if it cannot
 */
export async function listen(server: Server, options: ListenOptions = {}): Promise<Running> {
  toDrainWindow(options.drain ?? {}); // a signal would be late to find out
  const httpServer = createHttpServer(requestTimeouts(server));
  const attachment = attach(server, httpServer, options);
  const { port } = await startListening(httpServer, options);
  const close = async (): Promise<void> => {
    const stopped = new Promise((resolve) => httpServer.close(resolve));
    await attachment.close();
    httpServer.closeAllConnections();
    await stopped;
    ignoreSignals();
  };
  let closing: Promise<void> | undefined;
  const running: Running = {
    port,
    url: `${toOrigin(port, options.host)}${pathsOf(options)[0] ?? ''}`,
    close: () => (closing ??= close()),
    async drain(drainOptions) {
      await attachment.drain({ ...options.drain, ...drainOptions });
      await running.close();
    },
  };
  const ignoreSignals = drainOn(options.drainOnSignals ?? true, running);
  return running;
}

/**
 * Answers on `path` of an HTTP server of yours, plain requests and upgrades alike.
 *
 * @remarks
 * The listeners that the HTTP server has by then get what is for other paths; those that are added later see everything and have to leave our
 * paths alone. What nobody else can answer is answered with 404.
 */
export function attach(
  server: Server,
  httpServer: HttpServer,
  options: AttachOptions = {},
): Attachment {
  const paths = pathsOf(options);
  assumeOpenFiles(server);
  const answers = createAnswers(server);

  const requests = takeFirst(httpServer, 'request', {
    isOurs: isAt(paths),
    take: (request: IncomingMessage, response: ServerResponse) =>
      answers.give(new NodeRequest(request), response),
    refuse: (_request, response) =>
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found\n'),
  });
  const upgrades = takeUpgrades(server, httpServer, options);
  const stop = async (graceMs: number): Promise<void> => {
    await server.close();
    await within(graceMs, answers.ended());
    requests.giveBack();
    upgrades.giveBack();
  };
  let stopping: Promise<void> | undefined;
  return {
    close: () => (stopping ??= stop(answerGraceMs)),
    async drain(drainOptions) {
      await server.drain(drainOptions);
      await (stopping ??= stop(drainedGraceMs));
      answers.cut();
      await within(drainedGraceMs, answers.ended());
    },
  };
}

async function within(maximumMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((resolve) => {
    timer = setTimeout(resolve, maximumMs);
  });
  await Promise.race([work, tooLong]);
  clearTimeout(timer);
}
