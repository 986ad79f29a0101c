import type { ServerConnection, ServerOperation, ServerOutput } from '../protocol/index.ts';
import { createServerConnection, pingFrame, textFrame } from '../protocol/index.ts';
import type {
  FormattedError,
  Frame,
  Instant,
  OperationRequest,
  WebSocketProtocol,
} from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { Sheddable, SocketPlace } from './capacity.ts';
import type { Deflater, SocketCompression } from './compression.ts';
import type { AcceptedConnect } from './connect.ts';
import { decideConnect, notifyDisconnect } from './connect.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import { OperationQuota } from './operation-quota.ts';
import { OperationRun } from './operation-run.ts';
import type { SessionEvent } from './options.ts';
import { Outbox } from './outbox.ts';
import { uncountedConnection } from './principals.ts';
import type { CountedConnection } from './principals.ts';
import type { RequestHead } from './request-head.ts';
import type { ResultText } from './result-text.ts';
import type { SessionEnd, SessionHolder } from './sessions/session-lease.ts';
import { SessionTenure } from './sessions/session-tenure.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import type { OperationCarrier } from './socket-operation.ts';
import { SocketOperation } from './socket-operation.ts';
import { admissionOver } from './socket-admission.ts';
import type { MessageSocket, SocketEvents } from './socket.ts';

/**
 * One WebSocket of a server: does what its protocol machine says, and runs what its client asks for.
 *
 * @remarks
 * Holds no rule of a protocol and no policy of its own; decisions are the machine's and those of admission.
 */
export class SocketSession
  implements SocketEvents, Waiting, Sheddable, SessionHolder, OperationCarrier
{
  readonly #core: ServerCore;
  readonly #socket: MessageSocket;
  readonly #connection: ServerConnection;
  readonly outbox: Outbox;
  slot: number | undefined = undefined;
  readonly #deflater: Deflater | undefined;
  readonly #quota: OperationQuota;
  readonly #place: SocketPlace;
  readonly #onGone: (session: SocketSession) => void;
  #event: SessionEvent<object>;
  #principal: CountedConnection = uncountedConnection;
  /** Once the connect hook has accepted. */
  #tenure: SessionTenure | undefined;
  #life: Life = 'open';
  #operationCount = 0;
  /** Those among them that are subscriptions and have begun. */
  #subscriptionCount = 0;
  #stalledAt: Instant = never;
  #messageDueAt: Instant = never;

  constructor(core: ServerCore, socket: MessageSocket, accepted: AcceptedSocket) {
    const { limits, clock } = core;
    const now = clock.now();
    this.#core = core;
    this.#socket = socket;
    this.#onGone = accepted.onGone;
    this.#event = { session: {}, request: accepted.request, protocol: accepted.protocol };
    this.outbox = new Outbox(socket, limits, core);
    this.#deflater = accepted.compression && core.compression?.deflaterFor(accepted.compression);
    this.#quota = new OperationQuota(core, now);
    const { protocol, request } = accepted;
    this.#connection = createServerConnection(protocol, now, core.connectionOptions, request);
    core.deadlines.watch(this);
    this.#place = core.capacity.enterSocket(this);
  }

  get deadline(): Instant {
    return Math.min(this.#connection.deadline, this.#stalledAt, this.#messageDueAt);
  }

  /** Operations that have not ended. */
  get operationCount(): number {
    return this.#operationCount;
  }

  get isBusy(): boolean {
    return this.#operationCount > this.#subscriptionCount;
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
    if (isGone(this.#life)) return;
    this.#connection.heard(this.#core.clock.now());
    // the next ping may be due before an answer to the last one would have been overdue
    this.#core.deadlines.watch(this);
  }

  drained(): void {
    this.outbox.drained();
    this.#stalledAt = this.outbox.isAwaited ? this.#whenStalled() : never;
  }

  tick(now: Instant): void {
    if (this.#stalledAt <= now) this.#closeAsTooSlow(now);
    if (this.#messageDueAt <= now) this.#closeForMessage(now);
    this.#apply(this.#connection.tick(now));
  }

  closed(code: number, reason: string): void {
    if (isGone(this.#life)) return;
    this.#life = { code, reason };
    this.#apply(this.#connection.closed());
    this.#stalledAt = never;
    this.outbox.discard();
    this.#core.deadlines.forget(this);
    this.#principal.leave();
    this.#place.leave();
    this.#onGone(this);
    this.#tenure?.end();
    if (this.#tenure) notifyDisconnect(this.#core, { ...this.#event, code, reason });
  }

  /** Ends the connection because the server stops. */
  shutDown(): void {
    this.#apply(this.#connection.close(this.#core.clock.now(), 'GOING_AWAY'));
  }

  cut(): void {
    this.#apply(this.#connection.close(this.#core.clock.now(), 'SERVICE_RESTART'));
  }

  endSession(end: SessionEnd): boolean {
    const wasOpen = this.#life === 'open';
    this.#apply(this.#connection.close(this.#core.clock.now(), end));
    return wasOpen;
  }

  shed(): void {
    this.#apply(this.#connection.close(this.#core.clock.now(), 'AT_CAPACITY'));
  }

  #apply(outputs: readonly ServerOutput[]): void {
    for (const output of outputs) this.#do(output);
    if (!isGone(this.#life)) this.#core.deadlines.watch(this);
  }

  #do(output: ServerOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#send(output.frame);
      case 'ping':
        return this.#ping();
      case 'connect':
        return void this.#connect(output.connectionParams); // ends in the machine, never rejects
      case 'renew':
        return void this.#renew(output); // as that
      case 'start':
        return this.#start(output.operation, output.request);
      case 'cancel':
        return this.#cancel(output.operation);
      case 'close':
        return this.#close(output);
      case 'destroy':
        return this.#socket.destroy();
    }
  }

  #send(message: string): void {
    if (this.#life !== 'open') return;
    const { outbox } = this;
    const writing = outbox.writeMessage(outbox.takesBytes ? textFrame(message) : message);
    if (writing === 'too-slow') this.closeAsTooSlow();
  }

  #ping(): void {
    const { pingMessage } = this.#connection;
    if (this.outbox.takesBytes) this.outbox.writeAlways(pingFrame);
    else if (this.#socket.ping) this.#socket.ping();
    else if (pingMessage !== undefined) this.outbox.writeAlways(pingMessage);
    else this.heard(); // nobody can be asked, so silence proves nothing
  }

  #close({ code, reason }: { readonly code: number; readonly reason: string }): void {
    this.outbox.writePending();
    if (this.#life === 'open') this.#life = 'closing';
    this.#socket.close(code, reason);
  }

  #closeAsTooSlow(now: Instant): void {
    this.#core.counters.slowConsumerDisconnects += 1;
    this.#stalledAt = never;
    this.#apply(this.#connection.close(now, 'SLOW_CONSUMER'));
    this.outbox.release();
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

  #enter(now: Instant, { session, lease, ackPayload }: AcceptedConnect): void {
    this.#event = { ...this.#event, session };
    const tenure = new SessionTenure(this.#core, lease, this.#connection);
    this.#tenure = tenure;
    if (isGone(this.#life)) {
      tenure.end();
      return notifyDisconnect(this.#core, { ...this.#event, ...this.#life });
    }
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
        return this.#accept(now, tenure.begin(this, ackPayload));
    }
  }

  #accept(now: Instant, ackPayload: AcceptedConnect['ackPayload']): void {
    try {
      const outputs = this.#connection.accept(now, ackPayload);
      this.#place.acknowledge();
      this.#apply(outputs);
    } catch (error) {
      this.#core.report(error, 'ackPayload'); // JSON cannot hold it
      this.#apply(this.#connection.fail(now));
    }
  }

  async #renew(output: Extract<ServerOutput, { readonly kind: 'renew' }>): Promise<void> {
    const { clock } = this.#core;
    // whoever pings wants to know in time that the server is alive, however long verifying takes
    const cancel = clock.schedule(
      () => this.#apply(this.#connection.renewed(output.echo)),
      renewalPatienceMs,
    );
    const renewed = await this.#tenure?.renew(output, this.#event);
    cancel();
    if (!renewed) return;
    const { session, outputs } = renewed;
    if (session) this.#event = { ...this.#event, session };
    this.#apply(outputs);
  }

  #start(operation: ServerOperation, request: OperationRequest): void {
    // several may start at once, and an earlier one may have ended the connection
    if (!operation.mayDeliver) return;
    const { operationCount, idBytes } = this.#connection;
    const now = this.#core.clock.now();
    const refusal = this.#quota.refuse(operation.id, operationCount, idBytes, now);
    if (refusal) return this.#apply(this.#connection.error(operation, [refusal]));
    const counting = this.#principal.startOperation();
    if (counting.kind === 'refused')
      return this.#apply(this.#connection.error(operation, [counting.error]));
    const started = new SocketOperation(this, operation, {
      envelope: this.#connection.resultEnvelope(operation.id),
      deflater: this.#deflater,
      counted: counting.counted,
    });
    // what waits of a predecessor that has ended would be taken for its own
    if (this.outbox.isHolding) this.outbox.forget(({ id }) => id === operation.id);
    operation.work = started;
    this.#operationCount += 1;
    const admission = admissionOver(this.#connection.protocol);
    const { id } = operation;
    const work = { session: this.#event, request, id, ...(admission && { admission }) };
    started.start(new OperationRun(this.#core, work, started));
  }

  get slowConsumer(): SlowConsumerPolicy {
    return this.#core.slowConsumer;
  }

  encode({ id }: ServerOperation, { text }: ResultText): string {
    return this.#connection.encodeResult(id, text);
  }

  subscribed(operation: ServerOperation): void {
    this.#subscriptionCount += 1;
    const outputs = this.#connection.started(operation);
    if (outputs.length > 0) this.#apply(outputs);
  }

  closeAsTooSlow(): void {
    this.#closeAsTooSlow(this.#core.clock.now());
  }

  endWithErrors(running: SocketOperation, errors: readonly FormattedError[]): void {
    const { operation } = running;
    this.#release(operation);
    this.#end(running, this.#connection.error(operation, errors));
  }

  endCompleted(running: SocketOperation): void {
    const { operation } = running;
    this.#release(operation);
    this.#end(running, this.#connection.complete(operation));
  }

  /** Does what ends an operation, but after the results of it that wait for room. */
  #end(running: SocketOperation, outputs: readonly ServerOutput[]): void {
    if (!this.outbox.isHolding) return this.#apply(outputs);
    for (const output of outputs) {
      if (output.kind !== 'send') this.#do(output);
      else if (this.outbox.end(running, output.frame) === 'too-slow') this.closeAsTooSlow();
    }
  }

  room(): Promise<void> | undefined {
    if (!this.outbox.isCrowded) return undefined;
    if (!this.outbox.isAwaited) {
      this.#stalledAt = this.#whenStalled();
      this.#core.deadlines.watch(this);
    }
    return this.outbox.room();
  }

  #whenStalled(): Instant {
    return this.#core.clock.now() + this.#core.limits.stalledMs;
  }

  #cancel(operation: ServerOperation): void {
    const running = this.#release(operation);
    if (!running) return;
    if (this.outbox.isHolding) this.outbox.forget((reader) => reader === running);
    running.cancel();
  }

  #release(operation: ServerOperation): SocketOperation | undefined {
    const running = workOf(operation);
    if (!running) return undefined;
    operation.work = undefined;
    this.#operationCount -= 1;
    if (running.isSubscription) this.#subscriptionCount -= 1;
    running.leave();
    return running;
  }
}

/** A ping with credentials is answered after this, in milliseconds, whatever becomes of them; what does is said in another answer. */
const renewalPatienceMs = 5_000;

function workOf({ work }: ServerOperation): SocketOperation | undefined {
  return work as SocketOperation | undefined; // nobody else sets it
}

/** Nothing of ours is written any more once the close frame was; `Gone` says how the socket ended. */
type Life = 'open' | 'closing' | Gone;

interface Gone {
  readonly code: number;
  readonly reason: string;
}

function isGone(life: Life): life is Gone {
  return typeof life === 'object';
}

/** What the server decided about a socket before its session began. */
export interface AcceptedSocket {
  readonly protocol: WebSocketProtocol;
  readonly request: RequestHead;
  /** What the decision on the upgrade offered, if the adapter took it; for sockets that take frames. */
  readonly compression?: SocketCompression;
  /** Called once, when the socket is gone. */
  readonly onGone: (session: SocketSession) => void;
}
