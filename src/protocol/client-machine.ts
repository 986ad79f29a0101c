import { never } from '../vocabulary.ts';
import type {
  FormattedError,
  FormattedResult,
  Frame,
  Instant,
  OperationRequest,
  WebSocketProtocol,
} from '../vocabulary.ts';
import {
  ackTimeout,
  forbidden,
  isRetryableClose,
  normalClosure,
  subprotocolNotAcceptable,
  terminated,
} from './client-closing.ts';
import type { ClientClosing } from './client-closing.ts';
import type {
  ClientConnection,
  ClientConnectionOptions,
  ClientConnectionState,
  ClientOperation,
  ClientOutput,
  OperationId,
} from './connection.ts';
import { encodeMessage } from './json-frame.ts';
import type { JsonObject } from './json-frame.ts';
import { toOperationId } from './operation-id.ts';
import { nothing } from './outputs.ts';
import type { RequestedOperation } from './requested-operation.ts';
import { Watchdog } from './watchdog.ts';
import type { WatchdogPeriods } from './watchdog.ts';

const defaults = {
  ackDeadlineMs: 10_000,
  pingAfterMs: Number.POSITIVE_INFINITY,
  silenceMs: 30_000,
} as const satisfies Required<ClientConnectionOptions>;

/** What happened to an operation that was never sent: another connection can take it, whatever ended this one. */
const tooLate: ClientClosing = { code: 1006, reason: '', retryable: true };

/** What the clients of all protocols have in common: the life of the connection and of its operations, and the deadlines. */
export abstract class ClientMachine implements ClientConnection {
  abstract readonly protocol: WebSocketProtocol;
  abstract readonly subprotocol: string;
  /** The payload of the init message where the application gives no parameters. */
  protected readonly noParameters: JsonObject | undefined;
  protected readonly options: Required<ClientConnectionOptions>;
  readonly #operations = new Map<OperationId, RequestedOperation>();
  #state: ClientConnectionState = 'connecting';
  #lastId = 0;
  #ackDueAt: Instant = never;
  #watchdog: Watchdog | undefined;

  constructor(options?: ClientConnectionOptions) {
    this.options = { ...defaults, ...options };
  }

  get state(): ClientConnectionState {
    return this.#state;
  }

  get deadline(): Instant {
    return this.#state === 'closed'
      ? never
      : Math.min(this.#ackDueAt, this.#watchdog?.deadline ?? never);
  }

  get operationCount(): number {
    return this.#operations.size;
  }

  /** Reads a frame while the socket is open. */
  protected abstract read(frame: Frame, now: Instant): readonly ClientOutput[];
  protected abstract encodeStart(id: OperationId, payload: OperationRequest): string;
  protected abstract encodeStop(id: OperationId): string;
  /** The server was silent for too long to go on without a word. */
  protected abstract breakSilence(): readonly ClientOutput[];

  opened(_now: Instant, subprotocol: string): readonly ClientOutput[] {
    if (this.#state !== 'connecting') return nothing;
    if (subprotocol !== this.subprotocol) return this.abort(subprotocolNotAcceptable);
    this.#state = 'initialising';
    return [{ kind: 'initialise' }];
  }

  /** @throws TypeError if JSON cannot hold the parameters; the connection is then as it was before. */
  initialise(now: Instant, connectionParams?: JsonObject): readonly ClientOutput[] {
    if (this.#state !== 'initialising') return nothing;
    const frame = encodeMessage({
      type: 'connection_init',
      payload: connectionParams ?? this.noParameters,
    });
    this.#state = 'wait-ack';
    this.#ackDueAt = now + this.options.ackDeadlineMs;
    return [{ kind: 'send', frame }];
  }

  receive(frame: Frame, now: Instant): readonly ClientOutput[] {
    if (this.#state === 'connecting' || this.#state === 'closed') return nothing;
    this.#watchdog?.heard(now);
    return this.read(frame, now);
  }

  tick(now: Instant): readonly ClientOutput[] {
    if (now < this.deadline) return nothing;
    if (now >= this.#ackDueAt) return this.abort(ackTimeout);
    const verdict = this.#watchdog?.tick(now);
    if (verdict === 'ping') return this.breakSilence();
    return verdict === 'dead' ? this.abort(terminated) : nothing;
  }

  /** @throws TypeError if JSON cannot hold the request; nothing was started then. */
  subscribe(request: OperationRequest): {
    readonly operation: ClientOperation;
    readonly outputs: readonly ClientOutput[];
  } {
    const id = toOperationId(String(this.#lastId + 1));
    const frame = this.encodeStart(id, request);
    const operation: RequestedOperation = { id, state: 'queued', frame };
    this.#lastId += 1;
    this.#operations.set(id, operation);
    if (this.#state === 'closed') return { operation, outputs: this.#loseAll(tooLate) };
    return { operation, outputs: this.#state === 'ready' ? [start(operation)] : nothing };
  }

  cancel(operation: ClientOperation): readonly ClientOutput[] {
    const found = this.#operations.get(operation.id);
    if (found !== operation) return nothing;
    const wasActive = found.state === 'active';
    this.#end(found);
    return wasActive ? [{ kind: 'send', frame: this.encodeStop(found.id) }] : nothing;
  }

  close(): readonly ClientOutput[] {
    if (this.#state === 'closed') return nothing;
    const farewell = this.#state === 'connecting' ? nothing : this.takeLeave();
    return [...farewell, ...this.abort(normalClosure)];
  }

  closed(code: number, reason: string): readonly ClientOutput[] {
    const retryable = isRetryableClose(code, this.#state === 'ready');
    return this.#loseAll({ code, reason, retryable });
  }

  /** What is said before a deliberate close. */
  protected takeLeave(): readonly ClientOutput[] {
    return nothing;
  }

  /** Ends the connection from our side. */
  protected abort(closing: ClientClosing): readonly ClientOutput[] {
    const { code, reason } = closing;
    return [...this.#loseAll(closing), { kind: 'close', code, reason }];
  }

  /** The server said before the ack, and in words, that it does not want us. */
  protected refused(payload: unknown): readonly ClientOutput[] {
    return [{ kind: 'connection-error', payload }, ...this.abort(forbidden)];
  }

  protected acknowledged(ackPayload: JsonObject | undefined): readonly ClientOutput[] {
    this.#state = 'ready';
    this.#ackDueAt = never;
    return [
      { kind: 'connected', ...(ackPayload === undefined ? {} : { ackPayload }) },
      ...[...this.#operations.values()].map(start),
    ];
  }

  /** From now on the server's silence means something. */
  protected watch(periods: WatchdogPeriods, now: Instant): void {
    this.#watchdog ??= new Watchdog(periods, now);
  }

  protected deliver(id: OperationId, result: FormattedResult): readonly ClientOutput[] {
    const operation = this.#active(id);
    return operation ? [{ kind: 'result', operation, result }] : nothing;
  }

  /** The server ended the operation: with `errors`, or else as it should. */
  protected conclude(id: OperationId, errors?: readonly FormattedError[]): readonly ClientOutput[] {
    const operation = this.#active(id);
    if (operation === undefined) return nothing;
    this.#end(operation);
    return [errors ? { kind: 'error', operation, errors } : { kind: 'complete', operation }];
  }

  #active(id: OperationId): RequestedOperation | undefined {
    const operation = this.#operations.get(id);
    return operation?.state === 'active' ? operation : undefined;
  }

  #end(operation: RequestedOperation): void {
    this.#operations.delete(operation.id);
    operation.state = 'done';
  }

  #loseAll(loss: ClientClosing): readonly ClientOutput[] {
    this.#state = 'closed';
    const outputs: ClientOutput[] = [];
    for (const operation of this.#operations.values()) {
      operation.state = 'done';
      outputs.push({ kind: 'lost', operation, ...loss });
    }
    this.#operations.clear();
    return outputs;
  }
}

function start(operation: RequestedOperation): ClientOutput {
  const { frame } = operation;
  operation.state = 'active';
  operation.frame = '';
  return { kind: 'send', frame };
}
