import { GraphQLError, print } from 'graphql';
import type { ExecutionResult } from 'graphql';

import type { WebSocketLike } from '../../adapters/web-socket-server.ts';
import { UsageError } from '../../errors.ts';
import { refuse } from '../../server/index.ts';
import type {
  OperationEvent,
  Refusal,
  RequestHead,
  ServerOptions as MillraceServerOptions,
} from '../../server/index.ts';
import type { InternalErrorReporter } from '../../server/masking.ts';
import type { FacadeEngine } from './facade-engine.ts';
import type { FacadeOperation, FacadeOrders } from './facade-operation.ts';
import { messageOf } from './shown-errors.ts';
import type {
  ConnectionContext,
  ExecutionParams,
  ServerOptions,
} from './subscription-server-options.ts';

type Hooks = Pick<
  MillraceServerOptions,
  'onConnect' | 'onSubscribe' | 'onComplete' | 'context' | 'eventContext'
>;

/** What the hooks of a program hang on. */
export interface HookSetting {
  readonly options: ServerOptions;
  readonly engine: FacadeEngine;
  readonly contexts: WeakMap<RequestHead, ConnectionContext>;
  readonly report: InternalErrorReporter;
}

/** The hooks of `subscriptions-transport-ws` as those of a server of Millrace. */
export function createHooks({ options, engine, contexts, report }: HookSetting): Hooks {
  const contextOf = (head: RequestHead): ConnectionContext => {
    const context = contexts.get(head);
    if (!context) throw new UsageError('the request belongs to no socket');
    return context;
  };
  const operationContexts = new WeakMap<FacadeOperation, unknown>();
  return {
    onConnect: ({ request, connectionParams }) =>
      connect(options, contextOf(request), connectionParams),
    async onSubscribe(event) {
      const connection = contextOf(event.request);
      const operation = enter(engine, event);
      connection.operations[String(operation.id)] = null;
      const answer = await askForParams(options, connection, operation);
      if (answer.kind === 'refused') return answer.errors;
      operation.orders = toOrders(answer.params, operation, report);
      operationContexts.set(operation, answer.params.context);
      return undefined;
    },
    context: ({ operation: request }) => {
      const operation = engine.operationOf(request);
      return operation && operationContexts.get(operation);
    },
    // all events of an operation have its context
    eventContext: (context) => context,
    async onComplete({ operation: request, request: head }) {
      const operation = engine.operationOf(request);
      const { socket, operations } = contextOf(head);
      if (!operation) return;
      const id = String(operation.id);
      delete operations[id];
      await options.onOperationComplete?.(socket, id);
    },
  };
}

/** Before any message of `socket`. */
export function createConnectionContext(
  socket: WebSocketLike,
  request: ConnectionContext['request'],
): ConnectionContext {
  return {
    initPromise: Promise.resolve(true),
    isLegacy: false,
    socket,
    request,
    operations: Object.create(null) as ConnectionContext['operations'], // ids may be any text
  };
}

async function connect(
  { onConnect }: ServerOptions,
  context: ConnectionContext,
  connectionParams: Readonly<Record<string, unknown>>,
): Promise<Refusal | object> {
  if (onConnect) {
    context.initPromise = (async () =>
      (await onConnect(connectionParams, context.socket, context)) as unknown)();
  }
  try {
    return (await context.initPromise) === false ? refuse() : {};
  } catch (error) {
    return refuse({ reason: messageOf(error) });
  }
}

function enter(engine: FacadeEngine, { id = '', operation: request }: OperationEvent<object>) {
  const operation: FacadeOperation = { id, request, orders: {}, hasBegun: false };
  engine.enter(request, operation);
  return operation;
}

type Params =
  | { readonly kind: 'given'; readonly params: ExecutionParams }
  | { readonly kind: 'refused'; readonly errors: readonly GraphQLError[] };

/** What the hook throws is shown to the client. */
async function askForParams(
  { schema, onOperation }: ServerOptions,
  { initPromise, socket }: ConnectionContext,
  { id, request }: FacadeOperation,
): Promise<Params> {
  const { query, variables, operationName } = request;
  const params: ExecutionParams = {
    query,
    variables,
    operationName,
    context: copy(await initPromise),
    formatResponse: undefined,
    formatError: undefined,
    callback: undefined,
    schema,
  };
  try {
    const message = { id: String(id), type: 'start' as const, payload: request };
    const answer: unknown = onOperation ? await onOperation(message, params, socket) : params;
    if (typeof answer !== 'object' || answer === null)
      return refused('onOperation must return an object, or a promise of one');
    const given = answer as ExecutionParams;
    if (!given.schema) return refused('neither the server nor onOperation has a schema');
    return { kind: 'given', params: { ...given, query: params.query } };
  } catch (error) {
    return { kind: 'refused', errors: errorsOf(error) };
  }
}

function refused(message: string): Params {
  return { kind: 'refused', errors: [new GraphQLError(message)] };
}

function errorsOf(error: unknown): readonly GraphQLError[] {
  const { errors } = (error ?? {}) as { readonly errors?: unknown }; // anything but null and undefined has properties
  const all: readonly unknown[] = Array.isArray(errors) && errors.length > 0 ? errors : [error];
  return all.map((one) => (one instanceof GraphQLError ? one : new GraphQLError(messageOf(one))));
}

/** Each operation may change its context, which inherits from what onConnect returned does. */
function copy(initial: unknown): object {
  if (typeof initial !== 'object' || initial === null) return {};
  return Object.assign(
    Object.create(Object.getPrototypeOf(initial) as object | null),
    initial,
  ) as object;
}

function toOrders(
  params: ExecutionParams,
  { request }: FacadeOperation,
  report: InternalErrorReporter,
): FacadeOrders {
  const { schema, formatResponse, formatError } = params;
  const query = typeof params.query === 'string' ? params.query : print(params.query);
  const { variables, operationName } = params;
  const isChanged =
    query !== request.query ||
    variables !== request.variables ||
    operationName !== request.operationName;
  return {
    schema,
    ...(isChanged && {
      request: {
        query,
        ...(variables && { variables }),
        ...(operationName !== undefined && { operationName }),
      },
    }),
    ...(formatResponse && {
      formatResult: (result) =>
        attempt(() => formatResponse(result, params) as ExecutionResult, {
          otherwise: result,
          report: (error) => report(error, 'formatResponse'),
        }),
    }),
    ...(formatError && {
      formatFailure: (error) =>
        attempt<unknown>(() => toFormatted(formatError(error, params)), {
          otherwise: error,
          report: (failure) => report(failure, 'formatError'),
        }),
    }),
  };
}

/** What a formatting function makes of something; as it was if that fails. */
function attempt<Formatted>(
  format: () => Formatted,
  {
    otherwise,
    report,
  }: { readonly otherwise: Formatted; readonly report: (error: unknown) => void },
): Formatted {
  try {
    return format();
  } catch (error) {
    report(error);
    return otherwise;
  }
}

function toFormatted(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const { message, extensions } = (error ?? {}) as Partial<GraphQLError>; // as above
  return new GraphQLError(typeof message === 'string' ? message : messageOf(error), {
    extensions: extensions ?? null,
  });
}
