import type { IncomingMessage } from 'node:http';

import type {
  DocumentNode,
  ExecutionArgs,
  ExecutionResult,
  GraphQLError,
  GraphQLSchema,
  OperationTypeNode,
} from 'graphql';

import type { WebSocketLike } from '../../adapters/web-socket-server.ts';
import type { FormattedError, FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { OperationFunction, OperationResult } from './facade-operation.ts';
import type { MillraceOptions } from './millrace-options.ts';

/** What hooks find in `ctx.extra`; they may add more. */
export interface Extra<Socket extends WebSocketLike = WebSocketLike> {
  readonly socket: Socket;
  /** That was upgraded. */
  readonly request: IncomingMessage;
}

/** A connection, as hooks see it. */
export interface Context<Params = Record<string, unknown> | undefined, More = Extra> {
  readonly connectionInitReceived: boolean;
  /** The connect hook has accepted. */
  readonly acknowledged: boolean;
  /** Absent where the init message has none, or an empty object. */
  readonly connectionParams?: Readonly<Params>;
  /** By the ids of operations that have not ended; there is nothing in it to iterate. */
  readonly subscriptions: Record<string, null>;
  readonly extra: More;
}

type Answer<Value> = Value | Promise<Value>;

/** Options of {@link useServer}, as `graphql-ws` has them, and those of Millrace in `millrace`. */
export interface ServerOptions<Params = Record<string, unknown> | undefined, More = Extra> {
  readonly schema?:
    | GraphQLSchema
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
        args: Omit<ExecutionArgs, 'schema'>,
      ) => Answer<GraphQLSchema>)
    | undefined;
  /** What resolvers get, or a function that makes it, once per operation. */
  readonly context?:
    | object
    | symbol
    | number
    | string
    | boolean
    | null
    | undefined
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
        args: ExecutionArgs,
      ) => unknown);
  /** Root values by the kind of the operation. */
  readonly roots?: { readonly [Kind in OperationTypeNode]?: unknown } | undefined;
  readonly parse?: ((text: string) => DocumentNode) | undefined;
  readonly validate?:
    | ((schema: GraphQLSchema, document: DocumentNode) => readonly GraphQLError[])
    | undefined;
  /** graphql-js's own is left aside: Millrace executes as it does. */
  readonly execute?: OperationFunction | undefined;
  /** As `execute`. */
  readonly subscribe?: OperationFunction | undefined;
  /** Milliseconds from the open socket to the init message; 0 for any time. @defaultValue 3_000 */
  readonly connectionInitWaitTimeout?: number | undefined;
  /** `false` refuses, an object is the payload of the acknowledgement. */
  readonly onConnect?:
    | ((context: Context<Params, More>) => Answer<Record<string, unknown> | boolean | void>)
    | undefined;
  readonly onDisconnect?:
    | ((context: Context<Params, More>, code?: number, reason?: string) => Answer<void>)
    | undefined;
  readonly onClose?:
    | ((context: Context<Params, More>, code?: number, reason?: string) => Answer<void>)
    | undefined;
  /** Errors refuse the operation; arguments are executed as they are. */
  readonly onSubscribe?:
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
      ) => Answer<ExecutionArgs | readonly GraphQLError[] | void>)
    | undefined;
  readonly onOperation?:
    // oxlint-disable-next-line max-params -- they are those of the library
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
        args: ExecutionArgs,
        result: ExecutionResult | AsyncIterable<ExecutionResult>,
      ) => Answer<OperationResult | void>)
    | undefined;
  readonly onError?:
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
        errors: readonly GraphQLError[],
      ) => Answer<readonly (FormattedError | GraphQLError)[] | void>)
    | undefined;
  readonly onNext?:
    // oxlint-disable-next-line max-params -- they are those of the library
    | ((
        context: Context<Params, More>,
        id: string,
        payload: OperationRequest,
        args: ExecutionArgs,
        result: FormattedResult,
      ) => Answer<FormattedResult | void>)
    | undefined;
  readonly onComplete?:
    | ((context: Context<Params, More>, id: string, payload: OperationRequest) => Answer<void>)
    | undefined;
  /** Only `true` can be said: failures of hooks are never shown to clients. */
  readonly isProd?: true | undefined;
  readonly millrace?: MillraceOptions | undefined;
}
