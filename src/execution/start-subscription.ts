import { defaultFieldResolver, getArgumentValues } from 'graphql';
import type { ExecutionArgs, GraphQLResolveInfo } from 'graphql';

import { UsageError } from '../errors.ts';
import { isSource } from '../stream/source.ts';
import type { SourceStream } from '../stream/source.ts';
import { toSourceStream } from '../stream/to-source-stream.ts';
import { abortError, isAborted, isPromiseLike, waitUnlessAborted } from './abort.ts';
import { getAsyncHelpers } from './async-helpers.ts';
import { bindSubscription } from './bound-subscription.ts';
import type { BoundSubscription } from './bound-subscription.ts';
import type { CompiledExecution } from './compiled-execution.ts';
import { EventExecution } from './event-execution.ts';
import { refuse } from './refusal.ts';
import { atRootField, rootFieldOf } from './root-field.ts';
import type { RootField } from './root-field.ts';
import type {
  Closable,
  EventExecutor,
  ExecutionInput,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from './types.ts';

/**
 * "CreateSourceEventStream" (GraphQL specification, 6.2.3.1) for every kind of stream that `toSourceStream` knows, with the source not opened.
 *
 * @remarks
 * graphql's own takes async iterables only. Rejects with what went wrong before the root field was known.
 */
export async function resolveSubscription(
  asked: AskedSubscription,
): Promise<ResolvedSubscription | Refused> {
  const { prepared, input } = asked;
  if (isAborted(input.signal)) return aborted();
  const bound = bind(asked);
  if (bound.kind === 'unbound') return refuse('BAD_USER_INPUT', bound.errors);
  const root = rootFieldOf(prepared);
  const start = { ...asked, bound, root };
  const fieldArguments = coerceArguments(start);
  if (fieldArguments.kind === 'refused') return fieldArguments;
  try {
    return await resolveStream(start, fieldArguments.values);
  } catch (error) {
    return refuse('SUBSCRIBE_FAILED', [atRootField(root, error)]);
  }
}

/** A subscription, and what it is executed with. */
export interface AskedSubscription {
  readonly prepared: PreparedOperation;
  readonly input: ExecutionInput;
  /** The same for graphql-js. */
  readonly args: ExecutionArgs;
  /** What executes events by plans, where an engine has that. */
  readonly compiled: CompiledExecution | undefined;
}

function bind({
  prepared,
  args,
  compiled,
}: Omit<AskedSubscription, 'input'>): ReturnType<typeof bindSubscription> {
  const bound = bindSubscription(prepared, args);
  return bound.kind === 'bound' && compiled ? compiled.bind(prepared, args, bound) : bound;
}

interface Start extends AskedSubscription {
  readonly bound: BoundSubscription;
  readonly root: RootField;
}

type FieldArguments = { readonly kind: 'coerced'; readonly values: object } | Refused;

function coerceArguments({ root, bound }: Start): FieldArguments {
  try {
    const values = getArgumentValues(root.definition, root.node, bound.variableValues);
    return { kind: 'coerced', values };
  } catch (error) {
    return refuse('BAD_USER_INPUT', [atRootField(root, error)]);
  }
}

async function resolveStream(
  start: Start,
  fieldArguments: object,
): Promise<ResolvedSubscription | Refused> {
  const { input, root } = start;
  const answer = callResolver(start, fieldArguments);
  // most answer at once
  const resolved = isPromiseLike(answer)
    ? await waitUnlessAborted(answer, input.signal, discard)
    : { kind: 'fulfilled' as const, value: answer };
  if (resolved.kind === 'aborted') return aborted();
  const stream = toStream(resolved.value, root);
  return {
    kind: 'resolved',
    field: root.definition,
    stream,
    start: () => openStream(start, stream),
    open: (open) => openUnlessAborted(open, { root, signal: input.signal }),
    detach: (fieldResolver) => detach(start, stream, fieldResolver),
  };
}

async function openStream(
  { input, bound, root }: Start,
  stream: SourceStream<unknown>,
): Promise<StartedSubscription | Refused> {
  const opened = await openUnlessAborted(() => stream.open(), { root, signal: input.signal });
  if (opened.kind === 'refused') return opened;
  const execution = new EventExecution({
    root,
    bound,
    input,
    givesFieldValues: givesFieldValues(stream),
  });
  return {
    kind: 'started',
    field: root.definition.name,
    pace: stream.pace,
    source: opened.reader,
    execute: (event, context) => execution.execute(event, context),
    failEvent: (error) => execution.failEvent(error),
  };
}

function givesFieldValues(stream: SourceStream<unknown>): boolean {
  return isSource(stream) && stream.eventIs !== 'root-value';
}

async function openUnlessAborted<Reader extends Closable>(
  open: () => Promise<Reader>,
  { root, signal }: { readonly root: RootField; readonly signal: AbortSignal | undefined },
): Promise<{ readonly kind: 'opened'; readonly reader: Reader } | Refused> {
  try {
    const opened = await waitUnlessAborted(open(), signal, closeReader);
    return opened.kind === 'aborted' ? aborted() : { kind: 'opened', reader: opened.value };
  } catch (error) {
    return refuse('SUBSCRIBE_FAILED', [atRootField(root, error)]);
  }
}

/** Binds anew, because what is bound holds the context and the signal of its operation. */
function detach(
  { prepared, input: { variables }, args, root, compiled }: Start,
  stream: SourceStream<unknown>,
  fieldResolver: ExecutionArgs['fieldResolver'],
): EventExecutor {
  const { contextValue: _context, rootValue: _root, abortSignal: _signal, ...rest } = args;
  // an engine's own goes before it
  const isFree = !args.fieldResolver || args.fieldResolver === defaultFieldResolver;
  const free = { ...rest, ...(fieldResolver && isFree && { fieldResolver }) };
  const bound = bind({ prepared, args: free, compiled });
  if (bound.kind === 'unbound') throw new UsageError('the variables were coerced before');
  const input = { context: undefined, ...(variables && { variables }) };
  return new EventExecution({ root, bound, input, givesFieldValues: givesFieldValues(stream) });
}

/** "ResolveFieldEventStream" (GraphQL specification, 6.2.3.1.1). */
function callResolver(start: Start, fieldArguments: object): unknown {
  const { input, args, root } = start;
  const resolve = root.definition.subscribe ?? args.subscribeFieldResolver ?? defaultFieldResolver;
  return resolve(input.rootValue, fieldArguments, input.context, resolveInfo(start));
}

function resolveInfo({ prepared, input, bound, root }: Start): GraphQLResolveInfo {
  return {
    fieldName: root.definition.name,
    fieldNodes: root.nodes,
    returnType: root.definition.type,
    parentType: root.parentType,
    path: { prev: undefined, key: root.responseName, typename: root.parentType.name },
    schema: prepared.schema,
    fragments: bound.fragments,
    rootValue: input.rootValue,
    operation: prepared.operation,
    variableValues: bound.variableValues,
    // graphql 17 has these two
    getAbortSignal: () => input.signal,
    getAsyncHelpers,
  };
}

function toStream(value: unknown, { definition }: RootField): SourceStream<unknown> {
  // graphql-js takes a returned error for a thrown one.
  if (value instanceof Error) throw value;
  const stream = toSourceStream(value);
  if (stream !== undefined) return stream;
  // a mistake of the host program, so not an error that is meant for clients
  throw new TypeError(
    `Subscription field "${definition.name}" must return a source, an async iterable, an observable or a readable stream, but returned ${describe(value)}.`,
  );
}

/** Without the value itself, which is not for clients. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object that is none of these' : `a ${typeof value}`;
}

function aborted(): Refused {
  return refuse('TERMINATED', [abortError()]);
}

/** A foreign stream may have subscribed somewhere when it was made; only leaving it undoes that. */
function discard(value: unknown): void {
  if (value instanceof Error || isSource(value)) return;
  void leave(value);
}

async function leave(value: unknown): Promise<void> {
  try {
    const reader = await toSourceStream(value)?.open();
    await reader?.close();
  } catch {
    // The operation has ended; nobody is there to hear that its stream would have failed.
  }
}

function closeReader(reader: Closable): void {
  void reader.close(); // never rejects
}
