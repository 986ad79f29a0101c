import { GraphQLError, print } from 'graphql';
import type { ExecutionResult } from 'graphql';

import type { WebSocketLike } from '../../adapters/web-socket-server.ts';
import { UsageError } from '../../errors.ts';
import { refuse } from '../../server/index.ts';
import type {
  Refusal,
  RequestHead,
  ServerOptions as MillraceServerOptions,
} from '../../server/index.ts';
import type { InternalErrorReporter } from '../../server/masking.ts';
import type { FacadeEngine } from './facade-engine.ts';
import type { FacadeOperation, FacadeOrders } from './facade-operation.ts';
import { messageOf, shown } from './shown-errors.ts';
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
      const operation = engine.enter(event.operation, event.id ?? '');
      const hasEnded = operation.hasEnded;
      if (!hasEnded) connection.operations[String(operation.id)] = null;
      const answer = await askForParams(options, connection, operation);
      // nobody else will say it of one that was over before
      if (hasEnded) await complete(options, connection, operation);
      switch (answer.kind) {
        case 'refused':
          return shown.result({ errors: answer.errors }).errors;
        case 'answered':
          operation.refusal = answer.errors;
          return undefined;
        case 'given':
          operation.orders = toOrders(answer.params, operation, report);
          operationContexts.set(operation, answer.params.context);
          return undefined;
      }
    },
    context: ({ operation: request }) => {
      const operation = engine.operationOf(request);
      return operation && operationContexts.get(operation);
    },
    // all events of an operation have its context
    eventContext: (context) => context,
    async onComplete({ operation: request, request: head }) {
      const operation = engine.end(request);
      const connection = contextOf(head);
      if (!operation) return;
      delete connection.operations[String(operation.id)];
      await complete(options, connection, operation);
    },
  };
}

async function complete(
  { onOperationComplete }: ServerOptions,
  { socket }: ConnectionContext,
  { id }: FacadeOperation,
): Promise<void> {
  await onOperationComplete?.(socket, String(id));
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

type Params =
  | { readonly kind: 'given'; readonly params: ExecutionParams }
  /** By an error message. */
  | { readonly kind: 'refused'; readonly errors: readonly GraphQLError[] }
  /** By a result that has errors. */
  | { readonly kind: 'answered'; readonly errors: readonly GraphQLError[] };

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
    return toRefused(error);
  }
}

function refused(message: string): Params {
  return { kind: 'refused', errors: [new GraphQLError(message)] };
}

function toRefused(error: unknown): Params {
  const { errors } = (error ?? {}) as { readonly errors?: unknown }; // anything but null and undefined has properties
  return Array.isArray(errors) && errors.length > 0
    ? { kind: 'answered', errors: errors.map(toGraphQLError) }
    : { kind: 'refused', errors: [toGraphQLError(error)] };
}

function toGraphQLError(error: unknown): GraphQLError {
  return error instanceof GraphQLError ? error : new GraphQLError(messageOf(error));
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
