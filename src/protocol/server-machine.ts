import { errorTable } from '../errors.ts';
import type { ClosingCode } from '../errors.ts';
import { never } from '../vocabulary.ts';
import type { FormattedError, Frame, Instant, WebSocketProtocol } from '../vocabulary.ts';
import { toCloseReason } from './close-reason.ts';
import type {
  ConnectionRefusal,
  OperationId,
  ServerConnection,
  ServerConnectionOptions,
  ServerConnectionState,
  ServerOperation,
  ServerOutput,
} from './connection.ts';
import { OperationTable } from './operation-table.ts';
import { nothing } from './outputs.ts';
import { tailOf, toIdText } from './result-envelope.ts';
import type { ResultEnvelope } from './result-envelope.ts';
import { RunningOperation } from './running-operation.ts';
import { TokenBucket } from './token-bucket.ts';
import { Watchdog } from './watchdog.ts';

const defaults = {
  initDeadlineMs: 5_000,
  pingAfterMs: 12_000,
  pingAnswerMs: 12_000,
  closeHandshakeMs: 5_000,
  keepAliveMs: 12_000,
  connectionTimeoutMs: 300_000,
  controlMessagesPerSecond: 10,
  controlMessageBurst: 200,
} as const satisfies Required<ServerConnectionOptions>;

/** By what was given: thousands of connections share one object. */
const completed = new WeakMap<ServerConnectionOptions, Required<ServerConnectionOptions>>();

function withDefaults(options: ServerConnectionOptions): Required<ServerConnectionOptions> {
  const known = completed.get(options);
  if (known) return known;
  const made = { ...defaults, ...options };
  completed.set(options, made);
  return made;
}

/** A peer that does not read cannot answer the close frame either, and one that has to make room must not take its time. */
const deadPeerHandshakeMs = 1_000;

const hurried: ReadonlySet<ClosingCode> = new Set(['PING_TIMEOUT', 'SLOW_CONSUMER', 'AT_CAPACITY']);

const ping: readonly ServerOutput[] = [{ kind: 'ping' }];
const destroy: readonly ServerOutput[] = [{ kind: 'destroy' }];

/**
 * What the servers of all protocols have in common: the life of the connection and of its operations, deadlines, and
 * the limit on messages that cost us work and lead to none.
 */
export abstract class ServerMachine implements ServerConnection {
  abstract readonly protocol: WebSocketProtocol;
  protected readonly options: Required<ServerConnectionOptions>;
  readonly #operations = new OperationTable<RunningOperation>();
  readonly #watchdog: Watchdog;
  #state: ServerConnectionState = 'wait-init';
  /** When the init, or the answer to our close, is overdue. */
  #overdueAt: Instant;
  #controlMessages: TokenBucket | undefined;
  /** Stops of operations that we ended may still be on their way; that many more are nobody's fault. */
  #lateStops = 0;

  constructor(now: Instant, options: ServerConnectionOptions = defaults) {
    this.options = withDefaults(options);
    this.#watchdog = new Watchdog(this.options, now);
    this.#overdueAt = now + this.options.initDeadlineMs;
  }

  get state(): ServerConnectionState {
    return this.#state;
  }

  get pingMessage(): string | undefined {
    return undefined;
  }

  get deadline(): Instant {
    return this.#isOver() ? this.#overdueAt : Math.min(this.#overdueAt, this.#watchdog.deadline);
  }

  get operationCount(): number {
    return this.#operations.size;
  }

  get idBytes(): number {
    return this.#operations.idBytes;
  }

  abstract accept(
    now: Instant,
    ackPayload?: Readonly<Record<string, unknown>>,
  ): readonly ServerOutput[];
  abstract refuse(now: Instant, refusal: ConnectionRefusal): readonly ServerOutput[];
  abstract fail(now: Instant): readonly ServerOutput[];
  abstract resultEnvelope(id: OperationId): ResultEnvelope;
  abstract error(
    operation: ServerOperation,
    errors: readonly FormattedError[],
  ): readonly ServerOutput[];
  abstract complete(operation: ServerOperation): readonly ServerOutput[];
  /** Reads a frame in one of the open states. */
  protected abstract read(frame: Frame, now: Instant): readonly ServerOutput[];

  encodeResult(id: OperationId, resultText: string): string {
    const envelope = this.resultEnvelope(id);
    return envelope.beforeId + toIdText(id) + tailOf(envelope, resultText);
  }

  /** For the protocol whose clients can renew their sessions. */
  renewed(
    _echo: Readonly<Record<string, unknown>>,
    _expiresInMs?: number,
  ): readonly ServerOutput[] {
    return nothing;
  }

  /** For protocols that tell their clients. */
  started(_operation: ServerOperation): readonly ServerOutput[] {
    return nothing;
  }

  receive(frame: Frame, now: Instant): readonly ServerOutput[] {
    if (this.#isOver()) return nothing;
    this.#watchdog.heard(now);
    return this.read(frame, now);
  }

  heard(now: Instant): void {
    this.#watchdog.heard(now);
  }

  tick(now: Instant): readonly ServerOutput[] {
    if (now < this.deadline) return nothing;
    if (this.#state === 'closing') {
      this.#overdueAt = never;
      return destroy;
    }
    if (now >= this.#overdueAt) return this.close(now, 'INIT_TIMEOUT');
    switch (this.#watchdog.tick(now)) {
      case 'ping':
        return ping;
      case 'dead':
        return this.close(now, 'PING_TIMEOUT');
      case 'nothing':
        return nothing;
    }
  }

  close(now: Instant, error: ClosingCode, reason?: string): readonly ServerOutput[] {
    const entry = errorTable[error];
    return this.closeWith(now, { code: entry.closeCode, reason: reason ?? entry.reason, error });
  }

  closed(): readonly ServerOutput[] {
    if (this.#state === 'closed') return nothing;
    this.#state = 'closed';
    this.#overdueAt = never;
    return this.#endAll();
  }

  /** {@link ServerConnection.close} for protocols that use another code than the table's for the same failure. */
  protected closeWith(
    now: Instant,
    closing: { readonly code: number; readonly reason: string; readonly error: ClosingCode },
  ): readonly ServerOutput[] {
    if (this.#isOver()) return nothing;
    this.#state = 'closing';
    this.#overdueAt = now + this.#handshakeMs(closing.error);
    return [
      ...this.#endAll(),
      { kind: 'close', ...closing, reason: toCloseReason(closing.reason) },
    ];
  }

  /** The init message came: from now on the server's own hook is what is waited for, and that has no deadline here. */
  protected becomePending(): void {
    this.#state = 'init-pending';
    this.#overdueAt = never;
  }

  protected becomeReady(): void {
    this.#state = 'ready';
  }

  protected find(id: OperationId): RunningOperation | undefined {
    return this.#operations.find(id);
  }

  /** Reserves a free id. */
  protected add(id: OperationId): RunningOperation {
    const operation = new RunningOperation(id);
    this.#operations.add(operation);
    return operation;
  }

  /** Ends an operation because its peer asked for it; false if it had ended before. */
  protected stop(operation: ServerOperation): boolean {
    const found = this.#operations.remove(operation);
    found?.end();
    return found !== undefined;
  }

  /** Ends an operation on our side; false if it had ended before. */
  protected end(operation: ServerOperation): boolean {
    const ended = this.stop(operation);
    if (ended) this.#lateStops += 1;
    return ended;
  }

  /** Answers a stop that found nothing to stop. */
  protected surplusStop(now: Instant): readonly ServerOutput[] {
    if (this.#lateStops > 0) {
      this.#lateStops -= 1;
      return nothing;
    }
    return this.charged(now, nothing);
  }

  /** Answers a message that leads to no work with `outputs`, or with the end if there were too many of them. */
  protected charged(now: Instant, outputs: readonly ServerOutput[]): readonly ServerOutput[] {
    this.#controlMessages ??= new TokenBucket(
      { perSecond: this.options.controlMessagesPerSecond, burst: this.options.controlMessageBurst },
      now,
    );
    return this.#controlMessages.take(now) ? outputs : this.close(now, 'TOO_MANY_CONTROL_MESSAGES');
  }

  #isOver(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  #endAll(): readonly ServerOutput[] {
    const outputs: ServerOutput[] = [];
    for (const operation of this.#operations.clear()) {
      if (operation.mayDeliver) outputs.push({ kind: 'cancel', operation });
      operation.end();
    }
    return outputs;
  }

  #handshakeMs(error: ClosingCode): number {
    const { closeHandshakeMs } = this.options;
    return hurried.has(error) ? Math.min(deadPeerHandshakeMs, closeHandshakeMs) : closeHandshakeMs;
  }
}
