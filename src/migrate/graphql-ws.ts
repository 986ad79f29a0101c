/**
 * `useServer` as programs for `graphql-ws` 6 use it with a `WebSocketServer` of the package `ws`, on a server of Millrace.
 *
 * @packageDocumentation
 */
import { execute, parse, subscribe, validate } from 'graphql';

import { serveWebSocketServer } from '../adapters/web-socket-server.ts';
import type { WebSocketLike, WebSocketServerLike } from '../adapters/web-socket-server.ts';
import { UsageError, errorTable } from '../errors.ts';
import { createServer } from '../server/index.ts';
import type { Server } from '../server/index.ts';
import { createReporter } from '../server/masking.ts';
import type { InternalErrorReporter } from '../server/masking.ts';
import { FacadeEngine, ownFunction } from './websocket/facade-engine.ts';
import { Connections } from './websocket/graphql-ws-connections.ts';
import type { Connection } from './websocket/graphql-ws-connections.ts';
import { createHooks } from './websocket/graphql-ws-hooks.ts';
import type { Extra, ServerOptions } from './websocket/graphql-ws-options.ts';
import { placeholderSchema } from './websocket/placeholder-schema.ts';
import { masked, shown } from './websocket/shown-errors.ts';
import { UnsupportedOptionError, assertSupported } from './unsupported-option.ts';

export type { WebSocketLike, WebSocketServerLike } from '../adapters/web-socket-server.ts';
export type { OperationFunction, OperationResult } from './websocket/facade-operation.ts';
export type { Context, Extra, ServerOptions } from './websocket/graphql-ws-options.ts';
export type { MillraceOptions } from './websocket/millrace-options.ts';
export { UnsupportedOptionError } from './unsupported-option.ts';

/** What ends a server. */
export interface Disposable {
  /** Closes every connection with 1001, and the `WebSocketServer`; resolves once all are gone. Disposing twice is harmless. */
  dispose(): Promise<void>;
}

/**
 * Serves the sockets of a `WebSocketServer` by the options of `graphql-ws`.
 *
 * @param keepAlive - milliseconds of silence before a ping, and after that before the connection is closed with 4408; 0 for neither
 * @throws UnsupportedOptionError for options that Millrace has nothing for
 * @throws UsageError for options that cannot work, an invalid schema included
 */
export function useServer<
  Params = Record<string, unknown> | undefined,
  More extends Record<PropertyKey, unknown> = Record<PropertyKey, never>,
  Socket extends WebSocketLike = WebSocketLike,
>(
  options: ServerOptions<Params, Extra<Socket> & Partial<More>>,
  webSocketServer: WebSocketServerLike<Socket>,
  keepAlive = 12_000,
): Disposable {
  // inside, parameters and extras are any objects: only the hooks of the caller know more
  const given = options as unknown as ServerOptions;
  assertOptions(given);
  const connections = new Connections();
  const server = createGraphqlWsServer(given, connections, keepAlive);
  const report = createReporter(given.millrace?.onInternalError);
  const stop = serveWebSocketServer(server, webSocketServer, {
    origins: given.millrace?.allowedOrigins ? 'checked' : 'unchecked',
    onSocket(socket, request, head) {
      const connection = connections.add(head, { socket, request });
      socket.on('close', (code, reason) => {
        void tellClosed({ given, connection, report }, code, reason.toString('utf8')); // reports its failure
      });
    },
  });
  const onError = (error: unknown): void => {
    report(error, 'the WebSocketServer');
    const { closeCode, reason } = errorTable.INTERNAL_SERVER_ERROR;
    connections.closeAll(closeCode, reason);
  };
  webSocketServer.on('error', onError);
  const dispose = async (): Promise<void> => {
    stop();
    await server.close();
    webSocketServer.off('error', onError);
    await new Promise<void>((resolve, reject) => {
      webSocketServer.close((error) => (error ? reject(error) : resolve()));
    });
  };
  let disposing: Promise<void> | undefined;
  return { dispose: () => (disposing ??= dispose()) };
}

const remedies = {
  jsonMessageReviver: {
    remedy: 'read such values by the `parseValue` of a custom scalar',
  },
  jsonMessageReplacer: {
    remedy: 'write such values by the `serialize` of a custom scalar',
  },
  onPing: {
    remedy: "pings are answered; to see them, listen to 'message' of `extra.socket` in onConnect",
  },
  onPong: {
    remedy: "to see them, listen to 'message' of `extra.socket` in onConnect",
  },
} as const;

function assertOptions(options: ServerOptions): void {
  const supported = [
    'schema',
    'context',
    'roots',
    'parse',
    'validate',
    'execute',
    'subscribe',
    'connectionInitWaitTimeout',
    'onConnect',
    'onDisconnect',
    'onClose',
    'onSubscribe',
    'onOperation',
    'onError',
    'onNext',
    'onComplete',
    'isProd',
    'millrace',
  ] as const satisfies readonly (keyof ServerOptions)[];
  assertSupported(options, {
    ...Object.fromEntries(supported.map((name) => [name, 'supported' as const])),
    ...remedies,
  });
  if ((options.isProd as unknown) === false) {
    throw new UnsupportedOptionError(
      'isProd: false',
      'failures of hooks are never shown to clients, so leave it out; `millrace.onInternalError` is told of them',
    );
  }
  if (!options.schema && !options.onSubscribe)
    throw new UsageError('`schema` may be left out only where onSubscribe returns arguments');
}

function createGraphqlWsServer(
  options: ServerOptions,
  connections: Connections,
  keepAlive: number,
): Server {
  const { schema, roots, connectionInitWaitTimeout, millrace = {} } = options;
  const { maskErrors = false, protocols = ['graphql-transport-ws'], ...rest } = millrace;
  const limits = {
    ...rest.limits,
    initDeadlineMs: toPeriod(connectionInitWaitTimeout ?? rest.limits?.initDeadlineMs ?? 3_000),
  };
  const engine = new FacadeEngine({
    functions: {
      parse: ownFunction(options.parse, parse),
      validate: ownFunction(options.validate, validate),
      execute: ownFunction(options.execute, execute),
      subscribe: ownFunction(options.subscribe, subscribe),
    },
    limits,
    rootValueOf: (kind) => roots?.[kind],
    view: maskErrors ? masked : shown,
    invalidDocuments: 'refused',
    findsDocuments: options.onSubscribe !== undefined,
  });
  const pingMs = toPeriod(keepAlive);
  return createServer({
    ...rest,
    schema: typeof schema === 'object' ? schema : placeholderSchema,
    protocols,
    limits,
    keepAlive: { pingAfterMs: pingMs, pingAnswerMs: pingMs },
    engine,
    ...createHooks({ options, engine, connections }),
  });
}

/** `graphql-ws` takes 0 for never. */
function toPeriod(durationMs: number): number {
  return durationMs > 0 ? durationMs : Number.POSITIVE_INFINITY;
}

async function tellClosed(
  {
    given,
    connection,
    report,
  }: {
    readonly given: ServerOptions;
    readonly connection: Connection;
    readonly report: InternalErrorReporter;
  },
  code: number,
  reason: string,
): Promise<void> {
  connection.hasClosed = true;
  try {
    await connection.disconnecting?.catch(() => undefined); // the server reports that
    await given.onClose?.(connection.context, code, reason);
  } catch (error) {
    report(error, 'onClose');
  }
}
