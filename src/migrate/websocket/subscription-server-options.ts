import type { IncomingMessage } from 'node:http';

import type { DocumentNode, ExecutionResult, GraphQLSchema, ValidationRule } from 'graphql';

import type { WebSocketLike } from '../../adapters/web-socket-server.ts';
import type { OperationFunction } from './facade-operation.ts';
import type { MillraceOptions } from './millrace-options.ts';
import type { Loose } from '../loose.ts';

/** What is executed, as `onOperation` sees it and may change it. */
export interface ExecutionParams<Context = Loose> {
  query: string | DocumentNode;
  variables?: Readonly<Record<string, Loose>> | undefined;
  operationName?: string | undefined;
  /** What onConnect returned, copied; `{}` if that was no object. */
  context: Context;
  /** Each result, as it is to be sent. */
  formatResponse?: ((result: ExecutionResult, params: ExecutionParams) => Loose) | undefined;
  /** The failure of a stream, as it is to be sent: `message` and `extensions` are. */
  formatError?: ((error: Loose, params: ExecutionParams) => Loose) | undefined;
  callback?: unknown;
  schema?: GraphQLSchema | undefined;
}

/** The message that started an operation. */
export interface OperationMessage {
  readonly id: string;
  readonly type: 'start';
  readonly payload: {
    readonly query: string;
    readonly variables?: Readonly<Record<string, Loose>>;
    readonly operationName?: string;
    readonly extensions?: Readonly<Record<string, unknown>>;
  };
}

/** A connection, as hooks see it. */
export interface ConnectionContext<Socket extends WebSocketLike = WebSocketLike> {
  /** What onConnect returns, once it was called; `true` before. */
  initPromise: Promise<Loose>;
  readonly isLegacy: false;
  readonly socket: Socket;
  /** That was upgraded. */
  readonly request: IncomingMessage;
  /** By the ids of operations that have not ended; there is nothing in it to iterate. */
  readonly operations: Record<string, null>;
}

/** Options of {@link SubscriptionServer}, as `subscriptions-transport-ws` has them, and those of Millrace in `millrace`. */
export interface ServerOptions {
  /** May be left out where `onOperation` gives one. */
  readonly schema?: GraphQLSchema | undefined;
  readonly rootValue?: unknown;
  /** graphql-js's own is left aside: Millrace executes as it does. */
  readonly execute?: OperationFunction | undefined;
  /** As `execute`; without it, an `execute` of the program's own executes subscriptions as well. */
  readonly subscribe?: OperationFunction | undefined;
  /** In place of graphql-js's own. */
  readonly validationRules?: readonly ValidationRule[] | undefined;
  /** Returns what is executed, or a promise of it. */
  readonly onOperation?:
    | ((message: OperationMessage, params: ExecutionParams, socket: Loose) => Loose)
    | undefined;
  readonly onOperationComplete?: ((socket: Loose, id: string) => unknown) | undefined;
  /** `false` or an error refuses; an object is the context of each operation. */
  readonly onConnect?:
    | ((connectionParams: Loose, socket: Loose, context: ConnectionContext<Loose>) => Loose)
    | undefined;
  readonly onDisconnect?:
    | ((socket: Loose, context: ConnectionContext<Loose>) => unknown)
    | undefined;
  /** Milliseconds between `ka` messages. @defaultValue none are sent */
  readonly keepAlive?: number | undefined;
  readonly millrace?: MillraceOptions | undefined;
}
