import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { UsageError } from '../errors.ts';
import type { DrainOptions, Server } from '../server/index.ts';
import { createUpgrader, refuseUpgrade } from './node-upgrade.ts';
import { answerPlainly, asksForWebSocket, declineUpgrades } from './plain-request.ts';
import { takeFirst } from './take-first.ts';

/** Where a server answers. */
export interface AttachOptions {
  /** One path or several; every protocol answers on each. @defaultValue '/graphql' */
  readonly path?: string | readonly string[];
}

/** Upgrades that are answered on an HTTP server of yours. */
export interface UpgradeAttachment {
  /** Closes the server, and stops answering once its connections are gone. The HTTP server stays open. Closing twice is harmless. */
  close(): Promise<void>;
  /** What {@link Server.drain} does; then stops answering. The HTTP server stays open. */
  drain(options?: DrainOptions): Promise<void>;
}

/**
 * Answers upgrades to WebSocket on `path` of an HTTP server of yours, for a framework that answers its plain requests.
 *
 * @remarks
 * The listeners that the HTTP server has by then get what is for other paths; those that are added later see everything and have to leave our
 * paths alone. What nobody else can answer is answered with 404.
 * @throws UsageError for what is no HTTP server, such as the application of a framework
 */
export function attachUpgrades(
  server: Server,
  httpServer: EventEmitter,
  options: AttachOptions = {},
): UpgradeAttachment {
  const upgrades = takeUpgrades(server, httpServer, options);
  return {
    async close() {
      await server.close();
      upgrades.giveBack();
    },
    async drain(drainOptions) {
      await server.drain(drainOptions);
      upgrades.giveBack();
    },
  };
}

/** Answers upgrades until they are given back. */
export function takeUpgrades(
  server: Server,
  httpServer: EventEmitter,
  options: AttachOptions,
): { giveBack(): void } {
  if (!isHttpServer(httpServer)) {
    throw new UsageError(
      'upgrades come to an http.Server, such as app.listen() of a framework returns, not to its application',
    );
  }
  const upgrade = createUpgrader(server);
  const isOurs = isAt(pathsOf(options).flatMap((path) => server.upgradePaths(path)));
  const othersBefore = httpServer.listenerCount('upgrade');
  const declining = declineUpgrades(httpServer, (request) => {
    const isForOthers = othersBefore > 0 || httpServer.listenerCount('upgrade') > 1;
    return asksForWebSocket(request) || (isForOthers && !isOurs(request));
  });
  const upgrades = takeFirst(httpServer, 'upgrade', {
    isOurs,
    take: (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (asksForWebSocket(request)) return upgrade({ request, socket, head });
      answerPlainly(httpServer, request, { socket, head });
    },
    refuse: (request, socket, head) => {
      if (!asksForWebSocket(request)) return answerPlainly(httpServer, request, { socket, head });
      refuseUpgrade(socket, { status: 404, message: 'Not Found' });
    },
  });
  return {
    giveBack() {
      upgrades.giveBack();
      declining.giveBack();
    },
  };
}

/** @throws UsageError for anything else */
export function assertServer(server: unknown): asserts server is Server {
  const { handleRequest } = (server ?? {}) as Readonly<Record<string, unknown>>; // anything but null and undefined has properties
  if (typeof handleRequest === 'function') return;
  throw new UsageError('this needs a server, such as createServer returns');
}

/** An application may be an emitter, too, that nothing is ever told. */
function isHttpServer(given: unknown): boolean {
  const { rawListeners, address } = (given ?? {}) as Readonly<Record<string, unknown>>; // anything but these two has properties
  return typeof rawListeners === 'function' && typeof address === 'function';
}

/**
 * The paths that options name.
 *
 * @throws UsageError for one that no request has
 */
export function pathsOf({ path = '/graphql' }: AttachOptions): readonly string[] {
  const paths = typeof path === 'string' ? [path] : path;
  const wrong = paths.find((one) => !one.startsWith('/'));
  if (wrong === undefined) return paths;
  throw new UsageError(`a path begins with /, ${JSON.stringify(wrong)} does not`);
}

/** Whether a request is for one of `paths`. */
export function isAt(paths: readonly string[]): (request: IncomingMessage) => boolean {
  const known = new Set(paths);
  return ({ url = '' }) => known.has(url.split('?')[0] ?? '');
}
