/**
 * `SubscriptionServer` as programs for `subscriptions-transport-ws` 0.11 use it, on a server of Millrace.
 *
 * @packageDocumentation
 */
import { execute, subscribe, validate } from 'graphql';
import { WebSocketServer } from 'ws';

import { serveWebSocketServer } from '../adapters/web-socket-server.ts';
import { createServer } from '../server/index.ts';
import type { RequestHead, Server } from '../server/index.ts';
import { createReporter } from '../server/masking.ts';
import { FacadeEngine, ownFunction } from './websocket/facade-engine.ts';
import { placeholderSchema } from './websocket/placeholder-schema.ts';
import type { ProgramWebSocketServer } from './websocket/program-web-socket-server.ts';
import { masked, shown } from './websocket/shown-errors.ts';
import { createConnectionContext, createHooks } from './websocket/subscription-server-hooks.ts';
import type { HookSetting } from './websocket/subscription-server-hooks.ts';
import type { ConnectionContext, ServerOptions } from './websocket/subscription-server-options.ts';
import { assertSupported } from './unsupported-option.ts';

export type { WebSocketLike, WebSocketServerLike } from '../adapters/web-socket-server.ts';
export type { OperationFunction, OperationResult } from './websocket/facade-operation.ts';
export type { MillraceOptions } from './websocket/millrace-options.ts';
export type { ProgramWebSocketServer } from './websocket/program-web-socket-server.ts';
export type {
  ConnectionContext,
  ExecutionParams,
  OperationMessage,
  ServerOptions,
} from './websocket/subscription-server-options.ts';
export { UnsupportedOptionError } from './unsupported-option.ts';

/** The subprotocol token of `subscriptions-transport-ws`. */
export const GRAPHQL_WS = 'graphql-ws';

/** Serves `subscriptions-transport-ws` by the options of its library. */
export class SubscriptionServer {
  /** {@link SubscriptionServer} without `new`. */
  static create(options: ServerOptions, socketOptionsOrServer: object = {}): SubscriptionServer {
    return new SubscriptionServer(options, socketOptionsOrServer);
  }

  readonly #server: Server;
  readonly #webSocketServer: ProgramWebSocketServer;
  readonly #stop: () => void;
  #closing: Promise<void> | undefined;

  /**
   * @param socketOptionsOrServer - a `WebSocketServer` of the package `ws`, or the options of one
   * @throws UnsupportedOptionError for options that Millrace has nothing for
   * @throws UsageError for options that cannot work, an invalid schema included
   */
  constructor(options: ServerOptions, socketOptionsOrServer: object = {}) {
    assertSupported(options, supported);
    const contexts = new WeakMap<RequestHead, ConnectionContext>();
    const report = createReporter(options.millrace?.onInternalError);
    this.#server = createSubscriptionServer(options, { contexts, report });
    this.#webSocketServer = isWebSocketServer(socketOptionsOrServer)
      ? socketOptionsOrServer
      : new WebSocketServer(socketOptionsOrServer);
    this.#stop = serveWebSocketServer(this.#server, this.#webSocketServer, {
      origins: options.millrace?.allowedOrigins ? 'checked' : 'unchecked',
      onSocket(socket, request, head) {
        Object.assign(socket, { upgradeReq: request });
        if (socket.readyState !== openState) return; // it speaks another protocol
        const context = createConnectionContext(socket, request);
        contexts.set(head, context);
        socket.on('close', () => {
          void (async () => options.onDisconnect?.(socket, context))().catch((error: unknown) =>
            report(error, 'onDisconnect'),
          );
        });
      },
    });
  }

  /** The `WebSocketServer`. */
  get server(): ProgramWebSocketServer {
    return this.#webSocketServer;
  }

  /** Closes every connection with 1001, and the `WebSocketServer`; resolves once all are gone. Closing twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop();
    const closed = new Promise<void>((resolve) => {
      this.#webSocketServer.close(() => resolve());
    });
    await this.#server.close();
    await closed;
  }
}

/** `readyState` of a socket that is open. */
const openState = 1;

const supported = {
  schema: 'supported',
  rootValue: 'supported',
  execute: 'supported',
  subscribe: 'supported',
  validationRules: 'supported',
  onOperation: 'supported',
  onOperationComplete: 'supported',
  onConnect: 'supported',
  onDisconnect: 'supported',
  keepAlive: 'supported',
  millrace: 'supported',
} as const satisfies Record<keyof ServerOptions, 'supported'>;

function isWebSocketServer(given: object): given is ProgramWebSocketServer {
  return 'on' in given;
}

function createSubscriptionServer(
  options: ServerOptions,
  setting: Pick<HookSetting, 'contexts' | 'report'>,
): Server {
  const { schema, rootValue, validationRules, keepAlive = 0, millrace = {} } = options;
  const { maskErrors = false, protocols = ['subscriptions-transport-ws'], ...rest } = millrace;
  const engine = new FacadeEngine({
    functions: {
      execute: ownFunction(options.execute, execute),
      subscribe: options.subscribe
        ? ownFunction(options.subscribe, subscribe)
        : ownFunction(options.execute, execute),
      validate:
        validationRules && ((target, document) => validate(target, document, validationRules)),
    },
    limits: rest.limits,
    rootValueOf: () => rootValue,
    view: maskErrors ? masked : shown,
    invalidDocuments: 'answered',
    findsDocuments: options.onOperation !== undefined,
  });
  return createServer({
    ...rest,
    schema: schema ?? placeholderSchema,
    protocols,
    keepAlive: { keepAliveMs: keepAlive > 0 ? keepAlive : Number.POSITIVE_INFINITY },
    engine,
    ...createHooks({ options, engine, ...setting }),
  });
}
