import { GraphQLError, parse } from 'graphql';
import type { ExecutionArgs, GraphQLSchema } from 'graphql';

import { UsageError } from '../../errors.ts';
import type { OperationEvent, ServerOptions as MillraceServerOptions } from '../../server/index.ts';
import type { FormattedError, OperationRequest } from '../../vocabulary.ts';
import type { Connection, Connections } from './graphql-ws-connections.ts';
import type { Context, ServerOptions } from './graphql-ws-options.ts';
import type { FacadeEngine } from './facade-engine.ts';
import type { FacadeOperation } from './facade-operation.ts';

type Hooks = Pick<
  MillraceServerOptions,
  | 'onConnect'
  | 'onDisconnect'
  | 'onSubscribe'
  | 'onNext'
  | 'onError'
  | 'onComplete'
  | 'context'
  | 'eventContext'
>;

/** What the hooks of a program hang on. */
export interface HookSetting {
  readonly options: ServerOptions;
  readonly engine: FacadeEngine;
  readonly connections: Connections;
}

/** The hooks of `graphql-ws` as those of a server of Millrace. */
export function createHooks(setting: HookSetting): Hooks {
  const { options, engine, connections } = setting;
  const { onNext, onError } = options;
  /** What a hook of an operation is told first. */
  const subjectOf = (event: HookedEvent): Subject | undefined => {
    const operation = engine.operationOf(event.operation);
    if (!operation) return undefined;
    const { context } = connections.of(event.request);
    return { operation, context, id: String(operation.id), payload: operation.request };
  };
  return {
    onConnect: ({ request, connectionParams }) =>
      connect(options, connections.of(request), connectionParams),
    onDisconnect: ({ request, code, reason }) => {
      const connection = connections.of(request);
      const { context } = connection;
      // it vanished while onConnect was asked
      if (connection.hasClosed) return undefined;
      connection.disconnecting = (async () => options.onDisconnect?.(context, code, reason))();
      return connection.disconnecting;
    },
    onSubscribe: (event) => subscribe(setting, connections.of(event.request), event),
    async context(event) {
      const subject = subjectOf(event);
      const args = subject?.operation.args;
      if (!subject || !args) return undefined;
      if (!('contextValue' in args)) args.contextValue = await contextFor(options, subject, args);
      subject.operation.hasBegun = true;
      // its client has left meanwhile; what the hooks took has to be given back all the same
      if (subject.operation.hasEnded) await complete(options, subject);
      return args.contextValue;
    },
    // all events of an operation have its context
    eventContext: (context) => context,
    ...(onNext && {
      onNext: async (event) => {
        const subject = subjectOf(event);
        const args = subject?.operation.args;
        if (!subject || !args) return undefined;
        const { context, id, payload } = subject;
        return (await onNext(context, id, payload, args, event.result)) ?? undefined;
      },
    }),
    ...(onError && {
      onError: async (event) => {
        const subject = subjectOf(event);
        if (!subject) return undefined;
        const { context, id, payload, operation } = subject;
        const errors = operation.refusal ?? event.errors.map(toGraphQLError);
        const replaced = await onError(context, id, payload, errors);
        return replaced?.map(format);
      },
    }),
    async onComplete(event) {
      engine.end(event.operation);
      const subject = subjectOf(event);
      if (!subject) return;
      delete subject.context.subscriptions[subject.id];
      if (subject.operation.hasBegun) await complete(options, subject);
    },
  };
}

async function complete(
  { onComplete }: ServerOptions,
  { context, id, payload }: Subject,
): Promise<void> {
  await onComplete?.(context, id, payload);
}

interface HookedEvent {
  readonly operation: OperationRequest;
  readonly request: Parameters<Connections['of']>[0];
}

interface Subject {
  readonly operation: FacadeOperation;
  readonly context: Context;
  readonly id: string;
  readonly payload: OperationRequest;
}

async function connect(
  { onConnect }: ServerOptions,
  { context }: Connection,
  connectionParams: Readonly<Record<string, unknown>>,
): Promise<false | { readonly ackPayload?: Readonly<Record<string, unknown>> }> {
  context.connectionInitReceived = true;
  if (Object.keys(connectionParams).length > 0) context.connectionParams = connectionParams;
  const answer = await onConnect?.(context);
  if (answer === false) return false;
  context.acknowledged = true;
  const isPayload = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
  return isPayload ? { ackPayload: answer } : {};
}

async function subscribe(
  { options, engine }: HookSetting,
  { context }: Connection,
  { operation: request, id: ownId = '' }: OperationEvent<object>,
): Promise<readonly GraphQLError[] | undefined> {
  const id = String(ownId);
  const operation = engine.enter(request, ownId);
  if (!operation.hasEnded) context.subscriptions[id] = null;
  const answer: unknown = await options.onSubscribe?.(context, id, request);
  if (isErrors(answer)) {
    operation.refusal = answer;
    return engine.view.result({ errors: answer }).errors;
  }
  const args = toArguments(answer);
  const { onOperation } = options;
  operation.orders = {
    ...(args ? { args } : { schema: await schemaFor(options, { context, id, payload: request }) }),
    ...(onOperation && {
      onResult: (completeArgs, result) => onOperation(context, id, request, completeArgs, result),
    }),
  };
  return undefined;
}

async function schemaFor(
  { schema, parse: parseText = parse }: ServerOptions,
  { context, id, payload }: Omit<Subject, 'operation'>,
): Promise<GraphQLSchema> {
  if (!schema) throw new UsageError('without `schema`, onSubscribe has to return arguments');
  if (typeof schema !== 'function') return schema;
  return schema(context, id, payload, {
    document: parseText(payload.query),
    operationName: payload.operationName,
    variableValues: payload.variables,
  });
}

async function contextFor(
  { context: given }: ServerOptions,
  { context, id, payload }: Subject,
  args: ExecutionArgs,
): Promise<unknown> {
  return typeof given === 'function' ? given(context, id, payload, args) : given;
}

function toArguments(answer: unknown): ExecutionArgs | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  if ('schema' in answer && 'document' in answer) return { ...(answer as ExecutionArgs) };
  throw new UsageError(
    'onSubscribe must return arguments with `schema` and `document`, GraphQL errors, or nothing',
  );
}

/** By name: two copies of graphql in one process have two classes. */
function isErrors(answer: unknown): answer is readonly GraphQLError[] {
  return (
    Array.isArray(answer) &&
    answer.length > 0 &&
    answer.every(
      (error) =>
        error instanceof GraphQLError || (error instanceof Error && error.name === 'GraphQLError'),
    )
  );
}

function toGraphQLError({ message, path, extensions }: FormattedError): GraphQLError {
  return new GraphQLError(message, { path: path ?? null, extensions: extensions ?? null });
}

function format(error: FormattedError | GraphQLError): FormattedError {
  return error instanceof Error ? error.toJSON() : error;
}
