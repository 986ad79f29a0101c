import type { GraphQLError, GraphQLSchema } from 'graphql';

import type { Broker } from '../broker/types.ts';
import type { EngineName, ExecutionEngine, PreparedOperation } from '../execution/index.ts';
import type { IncrementalFormat } from '../protocol/index.ts';
import type {
  Clock,
  FormattedError,
  FormattedResult,
  OperationRequest,
  Protocol,
  WebSocketProtocol,
} from '../vocabulary.ts';
import type { CallbackOptions } from './callback/callback-options.ts';
import type { CompressionOptions } from './compression.ts';
import type { Limits } from './limits.ts';
import type { PersistedQueriesOptions } from './persisted-queries.ts';
import type { Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import type { ResumeOptions } from './resume/resume-options.ts';
import type { RevocationsOptions } from './sessions/revocation-options.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import type { TrustedDocumentsOptions } from './trusted-documents.ts';
import type { UploadOptions } from './uploads/upload-options.ts';

/**
 * What carries an operation: a WebSocket protocol, HTTP, or a direct call of the host program.
 *
 * @remarks
 * `http` is one request with its answer, a stream of results included: which it becomes is known only once the document is. `sse-single` is a
 * request that belongs to a reserved event stream.
 */
export type OperationProtocol = WebSocketProtocol | 'sse-single' | 'http' | 'direct';

/** What a connect hook learns of who wants in. */
export interface ConnectEvent {
  readonly request: RequestHead;
  /** Payload of the init message; `{}` where there is none or the protocol knows none. Of AppSync: `{ authorization }`, from the handshake. */
  readonly connectionParams: Readonly<Record<string, unknown>>;
  readonly protocol: OperationProtocol;
  /**
   * The session that goes on with what the hook returns: its client sent fresh credentials as `connectionParams` before the old ones expire. A principal that
   * is another one is refused. Absent where somebody connects.
   */
  readonly renews?: object;
}

/** What every other hook learns of where it stands. */
export interface SessionEvent<Session> {
  /** What the connect hook returned; `{}` without one. */
  readonly session: Session;
  readonly request: RequestHead;
  readonly protocol: OperationProtocol;
}

/** An operation that passed, or is passing, admission. */
export interface OperationEvent<Session> extends SessionEvent<Session> {
  /** On its connection, as its client chose it; absent where operations have none: outside WebSockets. */
  readonly id?: string | number;
  readonly operation: OperationRequest;
}

/** An operation whose document was parsed and validated, before anything of it is executed. */
export interface CostEvent<Session> extends OperationEvent<Session> {
  /** Kind, schema, document and the selected operation. Variables stand in `operation`, as the client sent them. */
  readonly prepared: PreparedOperation;
}

/** How a session ended. */
export interface DisconnectEvent<Session> extends SessionEvent<Session> {
  /** The WebSocket close code, 1006 if the peer vanished; 1000 for an HTTP request that was answered. */
  readonly code: number;
  readonly reason: string;
}

/** Members of a session that the server itself reads. */
export interface SessionMembers {
  /** Payload of the acknowledgement, where the protocol has one. */
  readonly ackPayload?: Readonly<Record<string, unknown>>;
  /**
   * When the credentials expire: a date, or milliseconds since 1970. The session ends then, unless its client renews it.
   *
   * @defaultValue never
   */
  readonly expiresAt?: Date | number;
}

/** What a connect hook may return: a session, nothing (an empty session), or a refusal, for which `false` and `null` stand, too. */
export type ConnectAnswer<Session> =
  | (Session & SessionMembers)
  | Refusal
  | boolean
  | null
  | undefined
  | void;

/**
 * Hooks around connections and operations.
 *
 * @remarks
 * Any of them may be async. One that throws or rejects ends the operation (or, for `onConnect`, the connection attempt) that it was called
 * for with a masked error, unless it throws a `GraphQLError`, and nothing else. Those without a use for their result are awaited by nobody.
 */
export interface Hooks<Session> {
  /**
   * Once per socket, when the init message came, and once per HTTP request; again when the client of a session that expires wants to renew it (`renews`).
   * Without it everyone is accepted.
   */
  onConnect?(event: ConnectEvent): ConnectAnswer<Session> | Promise<ConnectAnswer<Session>>;
  /** Before an operation is parsed. Errors that it returns refuse the operation. */
  onSubscribe?(
    event: OperationEvent<Session>,
  ):
    | readonly GraphQLError[]
    | undefined
    | void
    | Promise<readonly GraphQLError[] | undefined | void>;
  /** Before each result is sent; a result that it returns is sent instead. */
  onNext?(
    event: OperationEvent<Session> & { readonly result: FormattedResult },
  ): FormattedResult | undefined | void | Promise<FormattedResult | undefined | void>;
  /** Before an operation ends with request errors or a failed source; errors that it returns are sent instead. */
  onError?(
    event: OperationEvent<Session> & { readonly errors: readonly FormattedError[] },
  ):
    | readonly FormattedError[]
    | undefined
    | void
    | Promise<readonly FormattedError[] | undefined | void>;
  /** After an operation ended, however it did: completed, failed, or cancelled by its client. */
  onComplete?(event: OperationEvent<Session>): unknown;
  /** After a session ended that the connect hook had accepted. */
  onDisconnect?(event: DisconnectEvent<Session>): unknown;
}

/** Periods of the liveness checks on sockets, in milliseconds; `Infinity` turns one off. */
export interface KeepAliveOptions {
  /** Silence of a peer after which it gets a WebSocket ping. @defaultValue 12_000 */
  readonly pingAfterMs?: number;
  /** Silence after that ping which proves the peer dead; answered with close 4408. @defaultValue 12_000 */
  readonly pingAnswerMs?: number;
  /** Period of the `ka` messages of `subscriptions-transport-ws` and `appsync`. @defaultValue 12_000 */
  readonly keepAliveMs?: number;
  /** Silence after which clients of `appsync` are told to give the connection up; `ka` messages come at least three times as often. @defaultValue 300_000 */
  readonly connectionTimeoutMs?: number;
  /** Silence on a response stream after which a heartbeat is written: all that frees a source behind a proxy that hides that its client left. @defaultValue 12_000 */
  readonly heartbeatMs?: number;
}

/** Configuration of {@link createServer}. */
export interface ServerOptions<
  Session extends object = object,
  Context = unknown,
> extends Hooks<Session> {
  /** The schema, or a function that chooses one for the request behind an operation. */
  readonly schema:
    | GraphQLSchema
    | ((request: RequestHead) => GraphQLSchema | Promise<GraphQLSchema>);
  /** The broker behind the schema's topics; its open readers appear in {@link Server.gauges}. It stays yours to close. */
  readonly broker?: Broker;
  /**
   * What is spoken besides plain HTTP.
   *
   * @defaultValue `['graphql-transport-ws', 'sse', 'sse-single', 'multipart']`; the older protocol and AppSync have to be named, because a client
   * could choose them for being weaker
   */
  readonly protocols?: readonly Protocol[];
  /**
   * Whose connection or operation it is: the key by which `connectionsPerPrincipal` and `operationsPerPrincipal` count. Asked after the connect
   * hook has accepted; `undefined` is not counted. One that throws makes the attempt fail like a connect hook that throws.
   */
  readonly principal?: (session: Session) => string | undefined;
  /**
   * Lets {@link Server.revoke} end sessions in every process that has the same `broker`, which each of them listens to from its start. `{}`: principals
   * alone.
   */
  readonly revocations?: RevocationsOptions<Session>;
  /** The context of one operation. Without it the context is `{ session, request }`. */
  readonly context?: (event: OperationEvent<Session>) => Context | Promise<Context>;
  /** The context of one event that is executed for one subscriber. Without it an object that inherits from the operation's context. */
  readonly eventContext?: (context: Context) => Context | Promise<Context>;
  /**
   * Names those among whom the execution of an event may be shared although resolvers see a context: equal strings, equal answers, whoever asks;
   * `undefined` shares with nobody. Asked once per subscription whose plan is not pure. The `audience` of a field goes before it.
   */
  readonly audience?: (context: Context) => string | undefined;
  /** The context of one event that is executed once for all of an audience. @defaultValue `{ audience }` */
  readonly audienceContext?: (audience: string) => Context | Promise<Context>;
  readonly limits?: Limits;
  readonly keepAlive?: KeepAliveOptions;
  /**
   * How answers to `@defer` and `@stream` are written where clients cannot say it: over `graphql-transport-ws` and event streams. A function is asked
   * for each of them.
   *
   * @defaultValue 'incrementalSpec=v0.2'
   */
  readonly incrementalFormat?:
    | IncrementalFormat
    | ((event: OperationEvent<Session>) => IncrementalFormat);
  /**
   * Results on WebSockets are compressed for clients that offer `permessage-deflate` (RFC 7692), where the adapter can: on Node. A result is compressed
   * once for all who get it. `true`: by the defaults.
   *
   * @remarks
   * Whoever sees how long encrypted messages are learns something about a secret that stands in one message with a text of their choice.
   * @defaultValue false
   */
  readonly compression?: CompressionOptions | boolean;
  /** What happens to the results of a peer that reads too slowly. @defaultValue 'disconnect' */
  readonly slowConsumer?: SlowConsumerPolicy;
  /** How clients that opted in (`extensions.resume`) go on where they stopped; `false`: they cannot. */
  readonly resume?: ResumeOptions | false;
  /** Where the events of subscriptions over the HTTP callback protocol may be sent; required where `protocols` name `callback`. */
  readonly callback?: CallbackOptions;
  /** Automatic persisted queries: a client sends the hash of a text that some client sent before. Off without it. */
  readonly persistedQueries?: PersistedQueriesOptions;
  /** Documents that clients may name by an id and, unless others are accepted as well, the only ones that are executed. */
  readonly trustedDocuments?: TrustedDocumentsOptions;
  /** Files that come with operations, as the GraphQL multipart request specification has them; `true`: within the default limits. @defaultValue false */
  readonly uploads?: UploadOptions | boolean;
  /** What an operation costs, in units of your choice; above `limits.cost` it is refused. */
  readonly cost?: (event: CostEvent<Session>) => number | Promise<number>;
  /** Origins besides the server's own that browsers may send credentials from, such as `https://app.example.com`. @defaultValue [] */
  readonly allowedOrigins?: readonly string[];
  /**
   * Which status codes HTTP answers have: those of GraphQL over HTTP up to March 2026, which clients and servers in use expect, or those of its
   * current draft: 422 for invalid requests; 294 for results with errors, if the client takes `application/graphql-response+json`; errors have that
   * type for every client.
   *
   * @defaultValue 'earlier'
   */
  readonly statusVintage?: 'earlier' | 'draft';
  /** Whether errors that are no `GraphQLError` are hidden from clients. @defaultValue true */
  readonly maskErrors?: boolean;
  /** Learns of each failure that clients do not see: masked errors, hooks that threw. @defaultValue writes to `console.error` */
  readonly onInternalError?: (error: unknown, where: string) => void;
  /**
   * What executes: plans that operations are compiled to, graphql-js, or an engine such as `createCompiledEngine({ fieldResolver })`.
   * The answers of plans are those of graphql-js.
   *
   * @defaultValue 'compiled'
   */
  readonly engine?: EngineName | ExecutionEngine;
  /** What waits. @defaultValue the runtime's timers */
  readonly clock?: Clock;
  /** Milliseconds since 1970, which `expiresAt` is compared with. @defaultValue Date.now */
  readonly now?: () => number;
}
