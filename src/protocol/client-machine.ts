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
import { encodeMessage, isJsonObject } from './json-frame.ts';
import type { JsonObject } from './json-frame.ts';
import { toOperationId } from './operation-id.ts';
import { nothing } from './outputs.ts';
import { RequestedOperation } from './requested-operation.ts';
import { Watchdog } from './watchdog.ts';
import type { WatchdogPeriods } from './watchdog.ts';

const defaults = {
  ackDeadlineMs: 10_000,
  pingAfterMs: Number.POSITIVE_INFINITY,
  silenceMs: 30_000,
} as const satisfies Required<ClientConnectionOptions>;

/** What the clients of all protocols have in common: the life of the connection and of its operations, and the deadlines. */
export abstract class ClientMachine implements ClientConnection {
  abstract readonly protocol: WebSocketProtocol;
  abstract readonly subprotocol: string;
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
  /** The payload of the init message where the application gave no parameters. */
  protected abstract readonly noParameters: JsonObject | undefined;
  /** The server was silent for too long to go on without a word. */
  protected abstract breakSilence(): readonly ClientOutput[];
  /** What is said before a deliberate close. */
  protected abstract takeLeave(): readonly ClientOutput[];

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
    const operation = new RequestedOperation(id, this.encodeStart(id, request));
    this.#lastId += 1;
    if (this.#state === 'closed') return { operation, outputs: [unsent(operation)] };
    this.#operations.set(id, operation);
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

  /** Ends the connection; its operations are lost for the reason of `loss`, which the server need not be told in these words. */
  protected abort(loss: ClientClosing, told: ClientClosing = loss): readonly ClientOutput[] {
    return [...this.#loseAll(loss), { kind: 'close', code: told.code, reason: told.reason }];
  }

  /** The server said before the ack, and in words, that it does not want us. */
  protected refused(payload: unknown): readonly ClientOutput[] {
    const reason = isJsonObject(payload) ? payload['message'] : payload;
    const loss = typeof reason === 'string' ? { ...forbidden, reason } : forbidden;
    return [{ kind: 'connection-error', payload }, ...this.abort(loss, normalClosure)];
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
    return operation ? [{ kind: 'result', operation, result }] : this.#stray(id);
  }

  /** The server ended the operation: with `errors`, or else as it should. */
  protected conclude(id: OperationId, errors?: readonly FormattedError[]): readonly ClientOutput[] {
    const operation = this.#active(id);
    if (operation === undefined) return this.#stray(id);
    this.#end(operation);
    return [errors ? { kind: 'error', operation, errors } : { kind: 'complete', operation }];
  }

  #active(id: OperationId): RequestedOperation | undefined {
    const operation = this.#operations.get(id);
    return operation?.state === 'active' ? operation : undefined;
  }

  /** Messages for an operation that ended cross our stop or follow an `error`; only an id that never was is worth a word. */
  #stray(id: OperationId): readonly ClientOutput[] {
    if (Number(id) <= this.#lastId) return nothing;
    return [{ kind: 'violation', message: 'A message names an operation that was never started.' }];
  }

  #end(operation: RequestedOperation): void {
    this.#operations.delete(operation.id);
    operation.end();
  }

  #loseAll(loss: ClientClosing): readonly ClientOutput[] {
    this.#state = 'closed';
    const outputs: ClientOutput[] = [];
    for (const operation of this.#operations.values()) {
      operation.end();
      outputs.push({ kind: 'lost', operation, ...loss });
    }
    this.#operations.clear();
    return outputs;
  }
}

function start(operation: RequestedOperation): ClientOutput {
  return { kind: 'send', frame: operation.activate() };
}

/** The answer to a `subscribe` that came too late: another connection can take it, whatever ended this one. */
function unsent(operation: RequestedOperation): ClientOutput {
  operation.end();
  return { kind: 'lost', operation, code: 1006, reason: '', retryable: true };
}
