import { never } from '../vocabulary.ts';
import type {
  FormattedError,
  FormattedResult,
  Frame,
  Instant,
  OperationRequest,
} from '../vocabulary.ts';
import {
  ackTimeout,
  badResponse,
  forbidden,
  isRetryableClose,
  normalClosure,
  subprotocolNotAcceptable,
  terminated,
} from './client-closing.ts';
import type { ClientClosing } from './client-closing.ts';
import type { ClientProtocol, IncomingMessage } from './client-protocol.ts';
import type {
  ClientConnection,
  ClientConnectionOptions,
  ClientConnectionState,
  ClientOperation,
  ClientOutput,
  OperationId,
} from './connection.ts';
import type { JsonObject } from './json-frame.ts';
import { toOperationId } from './operation-id.ts';
import { nothing } from './outputs.ts';
import type { RequestedOperation } from './requested-operation.ts';
import { Watchdog } from './watchdog.ts';

const defaults = {
  ackDeadlineMs: 10_000,
  pingAfterMs: never,
  silenceMs: 30_000,
  invalidMessages: 'close',
} as const satisfies Required<ClientConnectionOptions>;

/** What happened to an operation that was never sent: another connection can take it, whatever ended this one. */
const tooLate: ClientClosing = { code: 1006, reason: '', retryable: true };

/** The client's half of any protocol: the life of the connection and of its operations, and the deadlines. */
export class ClientMachine implements ClientConnection {
  readonly #protocol: ClientProtocol;
  readonly #options: Required<ClientConnectionOptions>;
  readonly #operations = new Map<OperationId, RequestedOperation>();
  #state: ClientConnectionState = 'connecting';
  #lastId = 0;
  #ackDueAt: Instant = never;
  #watchdog: Watchdog | undefined;

  constructor(protocol: ClientProtocol, options?: ClientConnectionOptions) {
    this.#protocol = protocol;
    this.#options = { ...defaults, ...options };
  }

  get protocol(): string {
    return this.#protocol.name;
  }

  get subprotocol(): string {
    return this.#protocol.subprotocol;
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

  opened(_now: Instant, subprotocol: string): readonly ClientOutput[] {
    if (this.#state !== 'connecting') return nothing;
    if (subprotocol !== this.subprotocol) return this.#abort(subprotocolNotAcceptable);
    this.#state = 'initialising';
    return [{ kind: 'initialise' }];
  }

  /** @throws TypeError if JSON cannot hold the parameters; the connection is then as it was before. */
  initialise(now: Instant, connectionParams?: JsonObject): readonly ClientOutput[] {
    if (this.#state !== 'initialising') return nothing;
    const frame = this.#protocol.encodeInit(connectionParams);
    this.#state = 'wait-ack';
    this.#ackDueAt = now + this.#options.ackDeadlineMs;
    return [{ kind: 'send', frame }];
  }

  receive(frame: Frame, now: Instant): readonly ClientOutput[] {
    if (this.#state === 'connecting' || this.#state === 'closed') return nothing;
    this.#watchdog?.heard(now);
    let message: IncomingMessage;
    try {
      message = this.#protocol.decode(frame);
    } catch (error) {
      return this.#readInvalid(error instanceof Error ? error.message : badResponse.reason);
    }
    return this.#read(message, now);
  }

  tick(now: Instant): readonly ClientOutput[] {
    if (now < this.deadline) return nothing;
    if (now >= this.#ackDueAt) return this.#abort(ackTimeout);
    return this.#watchdog?.tick(now) === 'ping' ? this.#ask() : this.#abort(terminated);
  }

  probe(now: Instant): readonly ClientOutput[] {
    return this.#protocol.pingFrame && this.#watchdog?.probe(now) ? this.#ask() : nothing;
  }

  /** @throws TypeError if JSON cannot hold the request; nothing was started then. */
  subscribe(request: OperationRequest): {
    readonly operation: ClientOperation;
    readonly outputs: readonly ClientOutput[];
  } {
    const id = toOperationId(String(this.#lastId + 1));
    const frame = this.#protocol.encodeStart(id, request);
    const operation: RequestedOperation = { id, state: 'queued', frame, work: undefined };
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
    return wasActive ? [{ kind: 'send', frame: this.#protocol.encodeStop(found.id) }] : nothing;
  }

  close(): readonly ClientOutput[] {
    if (this.#state === 'closed') return nothing;
    const frame = this.#state === 'connecting' ? undefined : this.#protocol.farewellFrame;
    return [
      ...(frame ? [{ kind: 'send', frame } as const] : nothing),
      ...this.#abort(normalClosure),
    ];
  }

  closed(code: number, reason: string): readonly ClientOutput[] {
    const retryable = isRetryableClose(code, this.#state === 'ready');
    return this.#loseAll({ code, reason, retryable });
  }

  #read(message: IncomingMessage, now: Instant): readonly ClientOutput[] {
    switch (message.type) {
      case 'next':
        return this.#deliver(message.id, message.payload);
      case 'error':
        return this.#conclude(message.id, message.payload);
      case 'complete':
        return this.#conclude(message.id);
      case 'ping':
        return this.#say(this.#protocol.pongFrame);
      case 'pong':
        return nothing;
      case 'ka':
        this.#watch(this.#options.silenceMs, now);
        return nothing;
      case 'connection_ack':
        return this.#readAck(message, now);
      case 'connection_error':
        return this.#readConnectionError(message.payload);
    }
  }

  #readAck(
    { payload, silenceMs }: Extract<IncomingMessage, { readonly type: 'connection_ack' }>,
    now: Instant,
  ): readonly ClientOutput[] {
    if (this.#state === 'initialising') return this.#readUntimely();
    if (this.#state !== 'wait-ack') return nothing;
    this.#state = 'ready';
    this.#ackDueAt = never;
    if (this.#protocol.pingFrame) this.#watch(this.#options.pingAfterMs, now);
    else if (silenceMs) this.#watch(silenceMs, now);
    return [
      { kind: 'connected', ...(payload && { ackPayload: payload }) },
      ...[...this.#operations.values()].map(start),
    ];
  }

  #readConnectionError(payload: unknown): readonly ClientOutput[] {
    if (this.#state !== 'ready') {
      return [{ kind: 'connection-error', payload }, ...this.#abort(forbidden)];
    }
    return this.#protocol.isStrict
      ? this.#readInvalid(badResponse.reason)
      : [{ kind: 'connection-error', payload }];
  }

  /** What a message is that a protocol does not allow before the ack. */
  #readUntimely(): readonly ClientOutput[] {
    return this.#protocol.isStrict ? this.#readInvalid('A message came before its time.') : nothing;
  }

  /** 4004 rather than the document's 4400: that is what the reference client sends, and 4400 reads as a fault of the client. */
  #readInvalid(reason: string): readonly ClientOutput[] {
    const isTolerated = this.#state === 'ready' && this.#options.invalidMessages === 'report';
    return this.#protocol.isStrict && !isTolerated
      ? this.#abort({ ...badResponse, reason })
      : [{ kind: 'violation', message: reason }];
  }

  #deliver(id: OperationId, result: FormattedResult): readonly ClientOutput[] {
    const operation = this.#operations.get(id);
    return operation?.state === 'active'
      ? [{ kind: 'result', operation, result }]
      : this.#readStray(id);
  }

  /** The server ended the operation: with `errors`, or else as it should. */
  #conclude(id: OperationId, errors?: readonly FormattedError[]): readonly ClientOutput[] {
    const operation = this.#operations.get(id);
    if (operation?.state !== 'active') return this.#readStray(id);
    this.#end(operation);
    return [errors ? { kind: 'error', operation, errors } : { kind: 'complete', operation }];
  }

  /** No operation has this id: for one that ended a message may still have been on its way. */
  #readStray(id: OperationId): readonly ClientOutput[] {
    if (this.#state !== 'ready') return this.#readUntimely();
    return Number(id) <= this.#lastId
      ? nothing
      : [{ kind: 'violation', message: 'There is no operation with this id.' }];
  }

  /** The server was silent for too long to go on without a word: missing `ka` messages prove it dead where it cannot be asked. */
  #ask(): readonly ClientOutput[] {
    const { pingFrame } = this.#protocol;
    return pingFrame ? this.#say(pingFrame) : this.#abort(terminated);
  }

  #say(frame: string | undefined): readonly ClientOutput[] {
    return frame ? [{ kind: 'send', frame }] : nothing;
  }

  /** From now on the server's silence means something. */
  #watch(pingAfterMs: number, now: Instant): void {
    this.#watchdog ??= new Watchdog({ pingAfterMs, pingAnswerMs: this.#options.silenceMs }, now);
  }

  /** Ends the connection from our side. */
  #abort(closing: ClientClosing): readonly ClientOutput[] {
    const { code, reason } = closing;
    return [...this.#loseAll(closing), { kind: 'close', code, reason }];
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
