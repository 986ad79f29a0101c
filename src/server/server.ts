import type { FormattedResult, OperationRequest } from '../vocabulary.ts';
import { retryLater } from './capacity.ts';
import type { ServerCore } from './core.ts';
import { createCore } from './core.ts';
import { executionsOf } from './counters.ts';
import type { ServerCounters } from './counters.ts';
import { Callbacks } from './callback/callbacks.ts';
import type { DirectInit, DirectSubscription } from './direct.ts';
import { executeDirectly, subscribeDirectly } from './direct.ts';
import type { DrainOptions } from './drain.ts';
import { Drain } from './drain.ts';
import type { HttpContext, HttpRequest } from './http-context.ts';
import type { HttpResponse } from './http-response.ts';
import { refuseWhileClosing } from './http-response.ts';
import { handleHttp } from './http.ts';
import type { EffectiveLimits } from './limits.ts';
import type { ServerOptions } from './options.ts';
import type { RequestHead } from './request-head.ts';
import type { ResumeKey } from './resume/resume-options.ts';
import type { Revocation } from './sessions/revocation-options.ts';
import type { SharingReport } from './sharing/sharing-report.ts';
import type { AcceptedSocket } from './socket-session.ts';
import { SocketSession } from './socket-session.ts';
import { SseReservations } from './sse-reservations.ts';
import { StreamRegistry } from './stream-registry.ts';
import type { MessageSocket, SocketEvents } from './socket.ts';
import type { UpgradeDecision } from './upgrade.ts';
import { decideUpgrade, upgradePathsOf } from './upgrade.ts';

/** What a server holds at this moment; all zero again once its clients are gone. */
export interface ServerGauges {
  readonly connections: number;
  /** Operations that have not ended; those whose results go to a callback hold no connection. */
  readonly operations: number;
  /** Connections that wait for a deadline. */
  readonly deadlines: number;
  /** Open readers of the broker given to the server; 0 without one. */
  readonly readers: number;
}

/** Whether a server accepts what comes; once it does not it never does again. */
export type ServerState = 'accepting' | 'draining' | 'closing';

/**
 * GraphQL for every transport, knowing none: adapters bring requests and sockets.
 *
 * @remarks
 * No method throws because of what a peer sent, and nothing that a hook, resolver or source does reaches beyond its operation.
 */
export interface Server<Session extends object = object> {
  readonly limits: EffectiveLimits;
  /** For adapters: how long the body of a request may take; more than `limits.bodyMs` where files are accepted. */
  readonly longestBodyMs: number;
  /** For adapters: whether its broker keeps events within this process, so that those of others would not hear of them. */
  readonly hasLocalBroker: boolean;
  /** For health checks: a balancer should send nobody to a server that does not accept. */
  readonly state: ServerState;
  /** Executes a query or mutation without a transport; never rejects. */
  execute(request: OperationRequest, init?: DirectInit): Promise<FormattedResult>;
  /** Starts a subscription without a transport: request errors, or a source and the function that executes its events; never rejects. */
  subscribe(request: OperationRequest, init?: DirectInit): Promise<DirectSubscription>;
  /** For adapters: answers a plain HTTP request. */
  handleRequest(request: HttpRequest): Promise<HttpResponse>;
  /** For adapters: the paths at which upgrades are answered when requests are at `path`; AppSync clients expect them beside it. */
  upgradePaths(path: string): readonly string[];
  /** For adapters: decides on a request to upgrade to WebSocket. */
  decideUpgrade(request: RequestHead): UpgradeDecision;
  /** For adapters: takes over a socket whose upgrade was accepted. */
  open(socket: MessageSocket, accepted: Omit<AcceptedSocket, 'onGone'>): SocketEvents;
  /** For adapters: says how many connections the process can hold; `limits.connections` of the options goes before it. */
  assumeCapacity(connections: number): void;
  /** For adapters: with which keys the processes of one deployment make resume tokens; `resume.keys` of the options go before them. */
  assumeResumeKeys(keys: readonly ResumeKey[]): void;
  gauges(): ServerGauges;
  /**
   * Ends the sessions that are meant, with everything that runs for them, in this process at once and in every other one that has the same broker as soon as
   * that is told: sockets are closed with 4403, streams end with `SESSION_REVOKED`. Who comes back is admitted anew.
   *
   * @remarks
   * Resolves once the broker has accepted it. Rejects with a `SourceError` if that cannot be reached: the sessions of this process have ended then, the others
   * not; revoking again is harmless. Without a broker there is only this process.
   * @throws UsageError (rejects) for what is no revocation, a principal without the `principal` option, a claim without `revocations.matches`, a broker without `revocations`
   */
  revoke(revocation: Revocation): Promise<void>;
  /** Ends the sessions of this process that `isMeant` says so of, and no others: a function cannot leave it. Returns how many. */
  revokeHere(isMeant: (session: Session) => unknown): number;
  /** Which subscriptions are executed together at this moment, and why others are not. */
  sharing(): SharingReport;
  counters(): ServerCounters;
  /**
   * Empties the server without a rush of clients elsewhere: answers upgrades and HTTP requests with 503 from now on, closes sockets with 1012 and
   * cuts response streams one after the other over a window of time, and resolves once nothing is left.
   *
   * @remarks
   * A connection on which a query or mutation runs is closed after its answer. What takes longer than twice the window is cut; a single result over
   * HTTP is for the adapter to cut then. Draining twice is the same drain. {@link Server.close} ends it at once.
   * @throws UsageError for a `windowMs` that is no duration
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Closes every connection with 1001, accepts none any more, answers HTTP requests with 503, and resolves once the last connection is gone. Closing twice is harmless. */
  close(): Promise<void>;
}

/**
 * Creates a server for a schema.
 *
 * @throws UsageError for options that cannot work, an invalid schema included
 */
export function createServer<Session extends object = object, Context = unknown>(
  options: ServerOptions<Session, Context>,
): Server<Session> {
  // inside, a session is an object and a context anything: only the hooks of the caller know more, and they get back what they gave
  return new MillraceServer<Session>(createCore(options as unknown as ServerOptions));
}

class MillraceServer<Session extends object> implements Server<Session> {
  readonly #core: ServerCore;
  readonly #sessions = new Set<SocketSession>();
  readonly #http: HttpContext;
  #limits: EffectiveLimits;
  #drain: Drain | undefined;
  #closing: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(core: ServerCore) {
    this.#core = core;
    this.#limits = limitsOf(core);
    this.#http = {
      core,
      streams: new StreamRegistry(),
      reservations: new SseReservations(core),
      callbacks: new Callbacks(core, () => this.#tellIfEmpty()),
    };
  }

  get limits(): EffectiveLimits {
    return this.#limits;
  }

  get longestBodyMs(): number {
    const { limits, uploads } = this.#core;
    return Math.max(limits.bodyMs, uploads?.limits.completeMs ?? 0);
  }

  get hasLocalBroker(): boolean {
    return this.#core.options.broker?.capabilities.local === true;
  }

  get state(): ServerState {
    if (this.#closing) return 'closing';
    return this.#drain ? 'draining' : 'accepting';
  }

  execute(request: OperationRequest, init: DirectInit = {}): Promise<FormattedResult> {
    return executeDirectly(this.#core, request, init);
  }

  subscribe(request: OperationRequest, init: DirectInit = {}): Promise<DirectSubscription> {
    return subscribeDirectly(this.#core, request, init);
  }

  handleRequest(request: HttpRequest): Promise<HttpResponse> {
    if (this.state === 'accepting') return handleHttp(this.#http, request);
    return Promise.resolve(refuseWhileClosing(this.#core));
  }

  upgradePaths(path: string): readonly string[] {
    return upgradePathsOf(this.#core, path);
  }

  decideUpgrade(request: RequestHead): UpgradeDecision {
    if (this.state === 'accepting') return decideUpgrade(this.#core, request);
    return { kind: 'refuse', status: 503, message: 'The server is closing', headers: retryLater };
  }

  open(socket: MessageSocket, accepted: Omit<AcceptedSocket, 'onGone'>): SocketEvents {
    const session = new SocketSession(this.#core, socket, { ...accepted, onGone: this.#forget });
    this.#sessions.add(session);
    // its upgrade was accepted before
    if (this.#closing) session.shutDown();
    else if (this.#drain) session.cut();
    return session;
  }

  assumeCapacity(connections: number): void {
    this.#core.capacity.assume(connections);
    this.#limits = limitsOf(this.#core);
  }

  assumeResumeKeys(keys: readonly ResumeKey[]): void {
    this.#core.resumeTokens?.assume(keys);
  }

  gauges(): ServerGauges {
    const { streams, reservations, callbacks } = this.#http;
    return {
      connections: this.#sessions.size + streams.size + reservations.size,
      operations: [...this.#sessions].reduce(
        (sum, session) => sum + session.operationCount,
        streams.size + reservations.operationCount + callbacks.size,
      ),
      deadlines: this.#core.deadlines.size,
      readers: this.#readerCount(),
    };
  }

  revoke(revocation: Revocation): Promise<void> {
    return this.#core.revocations.revoke(revocation);
  }

  revokeHere(isMeant: (session: Session) => unknown): number {
    // every session is what the connect hook of the caller returned, or `{}` without one
    return this.#core.revocations.revokeHere(isMeant as (session: object) => unknown);
  }

  counters(): ServerCounters {
    const { counters, engine } = this.#core;
    return { ...counters.snapshot(), executions: executionsOf(engine) };
  }

  sharing(): SharingReport {
    return this.#core.sharing.report();
  }

  drain(options: DrainOptions = {}): Promise<void> {
    if (this.#closing) return this.#closing;
    if (this.#drain) return this.#drain.done;
    const { streams, reservations, callbacks } = this.#http;
    const sessions = this.#sessions;
    const drain = new Drain(
      this.#core.clock,
      {
        groups: [[...sessions], streams.all(), reservations.all(), callbacks.all()],
        // what is late and left then is for the adapter to cut: answers that are no streams
        isEmpty: (phase) =>
          sessions.size + callbacks.size === 0 &&
          (phase === 'late' || streams.size + reservations.size === 0),
      },
      options,
    );
    this.#drain = drain;
    streams.refuseNewcomers();
    reservations.refuseNewcomers();
    drain.start();
    return drain.done;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    for (const session of this.#sessions) session.shutDown();
    this.#http.streams.cutAll();
    this.#http.reservations.cutAll();
    this.#http.callbacks.cutAll();
    this.#tellIfEmpty();
    this.#drain?.giveWayTo(this.#closing);
    return this.#closing;
  }

  /** Revocations are heard of as long as anybody is here. */
  async #end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    await this.#core.revocations.close();
  }

  /** What listens to revocations is none of a client's. */
  #readerCount(): number {
    const { options, revocations } = this.#core;
    return (options.broker?.readerCount ?? 0) - revocations.readerCount;
  }

  readonly #forget = (session: SocketSession): void => {
    this.#sessions.delete(session);
    this.#tellIfEmpty();
  };

  #tellIfEmpty(): void {
    if (this.#sessions.size + this.#http.callbacks.size === 0) this.#whenEmpty?.();
  }
}

function limitsOf({ limits, capacity }: ServerCore): EffectiveLimits {
  const { connections, unacknowledgedConnections } = capacity;
  return { ...limits, connections, unacknowledgedConnections };
}
