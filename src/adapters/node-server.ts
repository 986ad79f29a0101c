import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';

import type { DrainOptions, Server } from '../server/index.ts';
import type { AttachOptions } from './attach-upgrades.ts';
import { isAt, pathsOf, takeUpgrades } from './attach-upgrades.ts';
import type { DrainSignals } from './drain-signals.ts';
import { createAnswers } from './node-answers.ts';
import { NodeRequest } from './node-request.ts';
import { assumeOpenFiles } from './open-files.ts';
import { requestTimeouts } from './request-timeouts.ts';
import { startListening, toOrigin } from './start-listening.ts';
import { takeFirst } from './take-first.ts';
import type { Workers } from './workers/worker-options.ts';

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
  /**
   * Has several processes listen on the port: this program is started that many times more, and it is those that serve.
   *
   * @defaultValue this process alone
   */
  readonly workers?: Workers;
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
  /** What this process is: the only one, or of a group of processes the one that started the others, or one of those. */
  readonly role: 'alone' | 'primary' | 'worker';
  /** The ids of the worker processes that listen; empty but in the primary. */
  readonly workers: readonly number[];
  /** What {@link Attachment.close} does; then cuts what is left of the connections and frees the port. */
  close(): Promise<void>;
  /** What {@link Attachment.drain} does; then frees the port, which is open until then for whoever has to be sent elsewhere. */
  drain(options?: DrainOptions): Promise<void>;
}

/** What an answer that is under way gets when the server closes. */
const answerGraceMs = 5_000;

/** The same after a drain, which has waited for those that were not ready. */
const drainedGraceMs = 1_000;

/** A server that listens in this process. */
export interface Listening extends Running {
  /** Takes no more connections: what is there goes on. */
  stopAccepting(): void;
  /** Resolves once it is closed, whoever closed it. */
  readonly closed: Promise<void>;
}

/** Listens on a port of its own, in this process. */
export async function listenHere(
  server: Server,
  options: Omit<ListenOptions, 'drainOnSignals' | 'workers'>,
): Promise<Listening> {
  const httpServer = createHttpServer(requestTimeouts(server));
  const attachment = attach(server, httpServer, options);
  const { port } = await startListening(httpServer, options);
  return new ListeningServer({ httpServer, attachment, port, options });
}

interface ListeningParts {
  readonly httpServer: HttpServer;
  readonly attachment: Attachment;
  readonly port: number;
  readonly options: Pick<ListenOptions, 'host' | 'path' | 'drain'>;
}

class ListeningServer implements Listening {
  readonly role = 'alone';
  readonly workers = [];
  readonly port: number;
  readonly url: string;
  readonly closed: Promise<void>;
  readonly #parts: ListeningParts;
  #tellClosed: () => void = () => {};
  #stopped: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ListeningParts) {
    const { port, options } = parts;
    this.#parts = parts;
    this.port = port;
    this.url = `${toOrigin(port, options.host)}${pathsOf(options)[0] ?? ''}`;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
  }

  stopAccepting(): void {
    void this.#stop(); // `close` waits for it
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async drain(drainOptions?: DrainOptions): Promise<void> {
    const { attachment, options } = this.#parts;
    await attachment.drain({ ...options.drain, ...drainOptions });
    await this.close();
  }

  async #close(): Promise<void> {
    const { attachment, httpServer } = this.#parts;
    const stopped = this.#stop();
    await attachment.close();
    httpServer.closeAllConnections();
    await stopped;
    this.#tellClosed();
  }

  #stop(): Promise<unknown> {
    const { httpServer } = this.#parts;
    this.#stopped ??= new Promise((resolve) => httpServer.close(resolve));
    return this.#stopped;
  }
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
