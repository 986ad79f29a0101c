import type { ServerConnection, ServerOperation, ServerOutput } from '../protocol/index.ts';
import { createServerConnection } from '../protocol/index.ts';
import type { Frame, Instant, OperationRequest, WebSocketProtocol } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { Sheddable, SocketPlace } from './capacity.ts';
import type { AcceptedConnect } from './connect.ts';
import { decideConnect, notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import { OperationQuota } from './operation-quota.ts';
import type { ResultSink } from './operation-run.ts';
import { OperationRun } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import { Outbox } from './outbox.ts';
import { uncountedConnection } from './principals.ts';
import type { Counted, CountedConnection } from './principals.ts';
import type { RequestHead } from './request-head.ts';
import type { MessageSocket, SocketEvents } from './socket.ts';

/**
 * One WebSocket of a server: does what its protocol machine says, and runs what its client asks for.
 *
 * @remarks
 * Holds no rule of a protocol and no policy of its own; decisions are the machine's and those of admission.
 */
export class SocketSession implements SocketEvents, Waiting, Sheddable {
  readonly #core: ServerCore;
  readonly #socket: MessageSocket;
  readonly #connection: ServerConnection;
  readonly #outbox: Outbox;
  readonly #quota: OperationQuota;
  readonly #running = new Map<ServerOperation, Running>();
  readonly #place: SocketPlace;
  readonly #onGone: (session: SocketSession) => void;
  #event: SessionEvent<object>;
  #principal: CountedConnection = uncountedConnection;
  #accepted = false;
  #mayWrite = true;
  #gone: { readonly code: number; readonly reason: string } | undefined;
  #stalledAt: Instant = never;
  #messageDueAt: Instant = never;

  constructor(core: ServerCore, socket: MessageSocket, accepted: AcceptedSocket) {
    const { limits, clock } = core;
    const now = clock.now();
    this.#core = core;
    this.#socket = socket;
    this.#onGone = accepted.onGone;
    this.#event = { session: {}, request: accepted.request, protocol: accepted.protocol };
    this.#outbox = new Outbox(socket, limits);
    this.#quota = new OperationQuota(core, now);
    this.#connection = createServerConnection(accepted.protocol, now, {
      ...limits,
      ...core.keepAlive,
    });
    core.deadlines.watch(this);
    this.#place = core.capacity.enterSocket(this);
  }

  get deadline(): Instant {
    return Math.min(this.#connection.deadline, this.#stalledAt, this.#messageDueAt);
  }

  /** Operations that have not ended. */
  get operationCount(): number {
    return this.#running.size;
  }

  message(frame: Frame): void {
    const now = this.#core.clock.now();
    this.#messageDueAt = never;
    this.#apply(this.#connection.receive(frame, now));
  }

  incomplete(): void {
    if (this.#messageDueAt === never)
      this.#messageDueAt = this.#core.clock.now() + this.#core.limits.messageMs;
    this.heard();
  }

  heard(): void {
    if (this.#gone) return;
    this.#connection.heard(this.#core.clock.now());
    // the next ping may be due before an answer to the last one would have been overdue
    this.#core.deadlines.watch(this);
  }

  drained(): void {
    this.#stalledAt = never;
    this.#outbox.drained();
  }

  tick(now: Instant): void {
    if (this.#stalledAt <= now) this.#closeAsTooSlow(now);
    if (this.#messageDueAt <= now) this.#closeForMessage(now);
    this.#apply(this.#connection.tick(now));
  }

  closed(code: number, reason: string): void {
    if (this.#gone) return;
    this.#gone = { code, reason };
    this.#apply(this.#connection.closed());
    this.drained();
    this.#core.deadlines.forget(this);
    this.#principal.leave();
    this.#place.leave();
    this.#onGone(this);
    if (this.#accepted) notifyDisconnect(this.#core, { ...this.#event, code, reason });
  }

  /** Ends the connection because the server stops. */
  shutDown(): void {
    this.#apply(this.#connection.close(this.#core.clock.now(), 'GOING_AWAY'));
  }

  shed(): void {
    this.#apply(this.#connection.close(this.#core.clock.now(), 'AT_CAPACITY'));
  }

  #apply(outputs: readonly ServerOutput[]): void {
    for (const output of outputs) this.#do(output);
    if (!this.#gone) this.#core.deadlines.watch(this);
  }

  #do(output: ServerOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#send(output.frame);
      case 'ping':
        return this.#socket.ping();
      case 'connect':
        return void this.#connect(output.connectionParams); // ends in the machine, never rejects
      case 'start':
        return this.#start(output.operation, output.request);
      case 'cancel':
        return this.#cancel(output.operation);
      case 'close':
        this.#mayWrite = false;
        return this.#socket.close(output.code, output.reason);
      case 'destroy':
        return this.#socket.destroy();
    }
  }

  #send(frame: string): void {
    if (this.#mayWrite && this.#outbox.write(frame) === 'too-slow')
      this.#closeAsTooSlow(this.#core.clock.now());
  }

  #closeAsTooSlow(now: Instant): void {
    this.#stalledAt = never;
    this.#apply(this.#connection.close(now, 'SLOW_CONSUMER'));
    this.#outbox.drained();
  }

  #closeForMessage(now: Instant): void {
    this.#messageDueAt = never;
    this.#apply(this.#connection.close(now, 'MESSAGE_TIMEOUT'));
  }

  async #connect(connectionParams: Readonly<Record<string, unknown>>): Promise<void> {
    const { request, protocol } = this.#event;
    const decision = await decideConnect(this.#core, { request, protocol, connectionParams });
    const now = this.#core.clock.now();
    switch (decision.kind) {
      case 'refused':
        return this.#apply(this.#connection.refuse(now, decision));
      case 'failed':
        return this.#apply(this.#connection.fail(now));
      case 'accepted':
        return this.#enter(now, decision);
    }
  }

  #enter(now: Instant, { session, ackPayload }: AcceptedConnect): void {
    this.#event = { ...this.#event, session };
    this.#accepted = true;
    if (this.#gone) return notifyDisconnect(this.#core, { ...this.#event, ...this.#gone });
    const counting = this.#core.principals.enter(session);
    switch (counting.kind) {
      case 'failed':
        return this.#apply(this.#connection.fail(now));
      case 'refused': {
        const { message: reason } = counting.error;
        const refusal = { error: 'TOO_MANY_CONNECTIONS', reason } as const;
        return this.#apply(this.#connection.refuse(now, refusal));
      }
      case 'counted':
        this.#principal = counting.counted;
        return this.#accept(now, ackPayload);
    }
  }

  #accept(now: Instant, ackPayload: Readonly<Record<string, unknown>> | undefined): void {
    try {
      const outputs = this.#connection.accept(now, ackPayload);
      this.#place.acknowledge();
      this.#apply(outputs);
    } catch (error) {
      this.#core.report(error, 'ackPayload'); // JSON cannot hold it
      this.#apply(this.#connection.fail(now));
    }
  }

  #start(operation: ServerOperation, request: OperationRequest): void {
    // several may start at once, and an earlier one may have ended the connection
    if (!operation.mayDeliver) return;
    const { operationCount, idBytes } = this.#connection;
    const refusal = this.#quota.refuse(
      operation.id,
      operationCount,
      idBytes,
      this.#core.clock.now(),
    );
    if (refusal) return this.#apply(this.#connection.error(operation, [refusal]));
    const counting = this.#principal.startOperation();
    if (counting.kind === 'refused')
      return this.#apply(this.#connection.error(operation, [counting.error]));
    const run = new OperationRun(
      this.#core,
      { session: this.#event, request },
      this.#sinkFor(operation),
    );
    this.#running.set(operation, { run, counted: counting.counted });
    void run.start(); // reports its own failures, never rejects
  }

  #sinkFor(operation: ServerOperation): ResultSink {
    return {
      next: ({ text }) => {
        if (operation.mayDeliver) this.#send(this.#connection.encodeResult(operation.id, text));
      },
      error: (errors) => {
        this.#release(operation);
        this.#apply(this.#connection.error(operation, errors));
      },
      complete: () => {
        this.#release(operation);
        this.#apply(this.#connection.complete(operation));
      },
      room: () => (operation.mayDeliver && this.#outbox.isCrowded ? this.#awaitRoom() : undefined),
    };
  }

  #awaitRoom(): Promise<void> {
    if (!this.#outbox.isAwaited) {
      this.#stalledAt = this.#core.clock.now() + this.#core.limits.stalledMs;
      this.#core.deadlines.watch(this);
    }
    return this.#outbox.room();
  }

  #cancel(operation: ServerOperation): void {
    this.#release(operation)?.cancel();
  }

  #release(operation: ServerOperation): OperationRun | undefined {
    const running = this.#running.get(operation);
    this.#running.delete(operation);
    running?.counted.leave();
    return running?.run;
  }
}

interface Running {
  readonly run: OperationRun;
  readonly counted: Counted;
}

/** What the server decided about a socket before its session began. */
export interface AcceptedSocket {
  readonly protocol: WebSocketProtocol;
  readonly request: RequestHead;
  /** Called once, when the socket is gone. */
  readonly onGone: (session: SocketSession) => void;
}
