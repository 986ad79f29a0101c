import type { GraphQLSchema } from 'graphql';

import { UsageError } from '../errors.ts';

import { assertSchema, toEngine } from '../execution/index.ts';
import type { ExecutionEngine } from '../execution/index.ts';
import type { ServerConnectionOptions } from '../protocol/index.ts';
import type { Clock, Protocol, WebSocketProtocol } from '../vocabulary.ts';
import type { CallbackSettings } from './callback/callback-options.ts';
import { toCallbackSettings } from './callback/callback-options.ts';
import { Capacity } from './capacity.ts';
import type { Compression } from './compression.ts';
import { createCompression } from './compression.ts';
import { Counters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { Documents } from './documents.ts';
import { Flusher } from './flusher.ts';
import type { EffectiveLimits } from './limits.ts';
import { givenNumbers, toEffectiveLimits } from './limits.ts';
import type { InternalErrorReporter, Masking } from './masking.ts';
import { createMasking, createReporter } from './masking.ts';
import { Pace, newcomersPerTurn, replaysPerTurn } from './pace.ts';
import type { KeepAliveOptions, ServerOptions } from './options.ts';
import { Principals } from './principals.ts';
import type { RequestHead } from './request-head.ts';
import { ResumeTokens } from './resume/resume-tokens.ts';
import { LiveSessions } from './sessions/live-sessions.ts';
import { Revocations } from './sessions/revocations.ts';
import { Sharing } from './sharing/sharing.ts';
import { assertSlowConsumerPolicy } from './slow-consumer.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import { systemClock } from './system-clock.ts';
import type { EffectiveUploads } from './uploads/upload-options.ts';
import { toEffectiveUploads } from './uploads/upload-options.ts';

/** What all connections and operations of one server share: the options with their defaults in place. */
export interface ServerCore {
  readonly options: ServerOptions;
  readonly protocols: readonly Protocol[];
  readonly webSocketProtocols: readonly WebSocketProtocol[];
  readonly limits: EffectiveLimits;
  /** `undefined` where the protocol is not spoken. */
  readonly callback: CallbackSettings | undefined;
  /** `undefined` where no files are accepted. */
  readonly uploads: EffectiveUploads | undefined;
  /** Without members that are `undefined`. */
  readonly keepAlive: KeepAliveOptions;
  /** Of every socket's protocol machine. */
  readonly connectionOptions: ServerConnectionOptions;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly flusher: Flusher;
  /** Of operations. */
  readonly newcomers: Pace;
  /** Of events that are delivered to one operation alone until it is level with others. */
  readonly replays: Pace;
  readonly capacity: Capacity;
  readonly principals: Principals;
  readonly sessions: LiveSessions;
  readonly revocations: Revocations;
  readonly counters: Counters;
  /** `undefined` where nothing is compressed. */
  readonly compression: Compression | undefined;
  readonly slowConsumer: SlowConsumerPolicy;
  readonly engine: ExecutionEngine;
  readonly documents: Documents;
  readonly masking: Masking;
  readonly sharing: Sharing;
  /** `undefined` where nobody can resume. */
  readonly resumeTokens: ResumeTokens | undefined;
  readonly report: InternalErrorReporter;
  schemaFor(request: RequestHead): GraphQLSchema | Promise<GraphQLSchema>;
}

const webSocketProtocols: readonly WebSocketProtocol[] = [
  'graphql-transport-ws',
  'subscriptions-transport-ws',
  'appsync',
];
const knownProtocols: readonly Protocol[] = [
  ...webSocketProtocols,
  'sse',
  'sse-single',
  'multipart',
  'callback',
];
const defaultProtocols: readonly Protocol[] = [
  'graphql-transport-ws',
  'sse',
  'sse-single',
  'multipart',
];

/** Of results that are kept; whoever cannot come back needs none. */
function toResultBytes(resume: ServerOptions['resume']): number {
  if (resume === false) return 0;
  const { resultBytes = defaultResultBytes } = resume ?? {};
  if (Number.isSafeInteger(resultBytes) && resultBytes >= 0) return resultBytes;
  throw new UsageError('resume.resultBytes must be a whole number of bytes, at least 0');
}

const defaultResultBytes = 16 * 1_024 * 1_024;

/** Checks the options; throws {@link UsageError} for what cannot work, an invalid schema included. */
export function createCore(options: ServerOptions): ServerCore {
  const protocols = options.protocols ?? defaultProtocols;
  const unknown = protocols.find((protocol) => !knownProtocols.includes(protocol));
  if (unknown !== undefined) {
    throw new UsageError(
      `unknown protocol ${JSON.stringify(unknown)}; known: ${knownProtocols.join(', ')}`,
    );
  }
  const { schema } = options;
  if (typeof schema !== 'function') assertSchema(schema);
  const limits = toEffectiveLimits(options.limits);
  if (limits.cost !== Number.POSITIVE_INFINITY && !options.cost) {
    throw new UsageError('limits.cost has no effect without the `cost` option');
  }
  const { slowConsumer = 'disconnect' } = options;
  assertSlowConsumerPolicy(slowConsumer);
  const engine = toEngine(options.engine, limits);
  assertFinder(engine, options);
  const keepAlive = givenNumbers('keepAlive', options.keepAlive ?? {});
  const clock = options.clock ?? systemClock;
  const report = createReporter(options.onInternalError);
  const counters = new Counters();
  const deadlines = new Deadlines(clock);
  return {
    options,
    protocols,
    webSocketProtocols: webSocketProtocols.filter((protocol) => protocols.includes(protocol)),
    limits,
    callback: toCallbackSettings(options.callback, protocols),
    uploads: toEffectiveUploads(options.uploads),
    keepAlive,
    connectionOptions: { ...limits, ...keepAlive },
    clock,
    deadlines,
    flusher: new Flusher(clock),
    newcomers: new Pace(clock, newcomersPerTurn),
    replays: new Pace(clock, replaysPerTurn),
    capacity: new Capacity(options.limits),
    ...createSessions(options, { limits, clock, deadlines, counters, report }),
    counters,
    compression: createCompression(options.compression, counters),
    slowConsumer,
    engine,
    documents: new Documents(options, report),
    masking: createMasking(options.maskErrors ?? true, report),
    sharing: new Sharing(toResultBytes(options.resume)),
    resumeTokens: options.resume === false ? undefined : new ResumeTokens(options.resume),
    report,
    schemaFor: (request) => (typeof schema === 'function' ? schema(request) : schema),
  };
}

/** A list that nobody asks is worse than none. */
function assertFinder(
  { findsDocuments }: ExecutionEngine,
  { trustedDocuments, persistedQueries }: ServerOptions,
): void {
  if (findsDocuments && (trustedDocuments || persistedQueries)) {
    throw new UsageError(
      '`trustedDocuments` and `persistedQueries` have no effect with an engine that finds documents itself',
    );
  }
}

/** Who is in, and what ends that. */
function createSessions(
  options: ServerOptions,
  core: Pick<ServerCore, 'limits' | 'clock' | 'deadlines' | 'counters' | 'report'>,
): Pick<ServerCore, 'principals' | 'sessions' | 'revocations'> {
  const { principal, broker, now = Date.now } = options;
  const principals = new Principals({ principal, ...core });
  const sessions = new LiveSessions({ ...core, now });
  const revocations = new Revocations({
    options: options.revocations,
    broker,
    hasPrincipals: principal !== undefined,
    principals,
    sessions,
    ...core,
  });
  return { principals, sessions, revocations };
}
