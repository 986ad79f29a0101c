import { never } from '../vocabulary.ts';
import type { Frame, Instant, OperationRequest } from '../vocabulary.ts';
import {
  ackTimeout,
  badResponse,
  forbidden,
  isRetryableClose,
  normalClosure,
  subprotocolNotAcceptable,
  terminated,
} from './client-closing.ts';
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

/** The client's half of any protocol: the life of the connection and of its operations, and the deadlines. */
export class ClientMachine implements ClientConnection {
  readonly protocol: string;
  readonly subprotocol: string;
  state: ClientConnectionState = 'connecting';
  readonly #protocol: ClientProtocol;
  readonly #options: Required<ClientConnectionOptions>;
  readonly #operations = new Map<OperationId, RequestedOperation>();
  #lastId = 0;
  #ackDueAt: Instant = never;
  /** Silence after which the server is asked whether it lives; absent as long as its silence means nothing. */
  #quietMs: number | undefined;
  /** When something has to be done about its silence. */
  #silentAt: Instant = never;
  /** It was asked, and nothing came since. */
  #isAsked = false;

  constructor(
    protocol: ClientProtocol,
    {
      ackTimeoutMs = 10_000,
      pingAfterMs = never,
      silenceMs = 30_000,
      invalidMessages = 'close',
    }: ClientConnectionOptions = {},
  ) {
    this.#protocol = protocol;
    this.protocol = protocol.name;
    this.subprotocol = protocol.subprotocol;
    this.#options = { ackTimeoutMs, pingAfterMs, silenceMs, invalidMessages };
  }

  get deadline(): Instant {
    return this.state === 'closed' ? never : Math.min(this.#ackDueAt, this.#silentAt);
  }

  get operationCount(): number {
    return this.#operations.size;
  }

  opened(_now: Instant, subprotocol: string): readonly ClientOutput[] {
    if (this.state !== 'connecting') return nothing;
    if (subprotocol !== this.subprotocol) return this.#abort(subprotocolNotAcceptable);
    this.state = 'initialising';
    return [{ kind: 'initialise' }];
  }

  /** @throws TypeError if JSON cannot hold the parameters; the connection is then as it was before. */
  initialise(now: Instant, connectionParams?: JsonObject): readonly ClientOutput[] {
    if (this.state !== 'initialising') return nothing;
    const outputs = send(this.#protocol.encodeInit(connectionParams));
    this.state = 'wait-ack';
    this.#ackDueAt = now + this.#options.ackTimeoutMs;
    return outputs;
  }

  receive(frame: Frame, now: Instant): readonly ClientOutput[] {
    if (this.state === 'connecting' || this.state === 'closed') return nothing;
    this.#hear(now);
    let message: IncomingMessage | undefined;
    try {
      message = this.#protocol.decode(frame);
    } catch {
      // as if it had answered with `undefined`
    }
    return message
      ? this.#read(message, now)
      : this.#readInvalid(`Unreadable: ${String(frame).slice(0, 99)}`);
  }

  tick(now: Instant): readonly ClientOutput[] {
    if (now < this.deadline) return nothing;
    if (now >= this.#ackDueAt) return this.#abort(ackTimeout);
    const question = this.probe(now);
    return question === nothing ? this.#abort(terminated) : question;
  }

  probe(now: Instant): readonly ClientOutput[] {
    if (!this.#protocol.encodePing || !this.#quietMs || this.#isAsked) return nothing;
    this.#isAsked = true;
    // from now, not from the deadline: a late tick must not shorten the server's time to answer
    this.#silentAt = now + this.#options.silenceMs;
    return send(this.#protocol.encodePing());
  }

  /** @throws TypeError if JSON cannot hold the request; nothing was started then. */
  subscribe(request: OperationRequest): {
    readonly operation: ClientOperation;
    readonly outputs: readonly ClientOutput[];
  } {
    const id = toOperationId(String(this.#lastId + 1));
    const operation: RequestedOperation = {
      id,
      state: 'queued',
      frame: this.#protocol.encodeStart(id, request),
      work: undefined,
    };
    this.#lastId += 1;
    this.#operations.set(id, operation);
    // on a closed connection it was never sent: another one can take it, whatever ended this one
    if (this.state === 'closed') return { operation, outputs: this.#loseAll(1006, '', true) };
    return { operation, outputs: this.state === 'ready' ? start(operation) : nothing };
  }

  cancel(operation: ClientOperation): readonly ClientOutput[] {
    const found = this.#operations.get(operation.id);
    if (found !== operation) return nothing;
    const { id, state } = found;
    this.#end(found);
    return state === 'active' ? send(this.#protocol.encodeStop(id)) : nothing;
  }

  close(): readonly ClientOutput[] {
    const { farewellFrame } = this.#protocol;
    if (this.state === 'closed') return nothing;
    return [
      ...(farewellFrame && this.state !== 'connecting' ? send(farewellFrame) : nothing),
      ...this.#abort(normalClosure, false),
    ];
  }

  closed(code: number, reason: string): readonly ClientOutput[] {
    return this.#loseAll(code, reason, this.#isRetryable(code));
  }

  #read(message: IncomingMessage, now: Instant): readonly ClientOutput[] {
    switch (message.type) {
      case 'next':
      case 'error':
      case 'complete':
      case 'start_ack':
        return this.#readAnswer(message);
      case 'connection_ack':
        return this.#readAck(message, now);
      case 'connection_error':
        return this.#readConnectionError(message);
      case 'ping':
        return send(this.#protocol.pongFrame ?? '');
      case 'ka':
        this.#watch(this.#options.silenceMs, now);
        return nothing;
      case 'pong':
        return nothing;
    }
  }

  #readAnswer(
    message: Extract<IncomingMessage, { readonly id: OperationId }>,
  ): readonly ClientOutput[] {
    const operation = this.#operations.get(message.id);
    if (operation?.state !== 'active') return this.#readStray(message.id);
    if (message.type === 'next') return [{ kind: 'result', operation, result: message.payload }];
    if (message.type === 'start_ack') return [{ kind: 'started', operation }];
    this.#end(operation);
    return [
      message.type === 'error'
        ? { kind: 'error', operation, errors: message.payload }
        : { kind: 'complete', operation },
    ];
  }

  /** No operation has this id; for one that ended a message may still have been on its way. */
  #readStray(id: OperationId): readonly ClientOutput[] {
    if (this.state !== 'ready') return this.#unlessStrict(nothing);
    return Number(id) <= this.#lastId ? nothing : violation('No operation has this id.');
  }

  #readInvalid(message: string): readonly ClientOutput[] {
    const isTolerated = this.state === 'ready' && this.#options.invalidMessages === 'report';
    return isTolerated ? violation(message) : this.#unlessStrict(violation(message));
  }

  /** Some protocols have the ack first and then everything else, and every message as it should be. */
  #unlessStrict(outputs: readonly ClientOutput[]): readonly ClientOutput[] {
    // 4004 rather than the document's 4400: that is what the reference client sends, and 4400 reads as a fault of the client
    return this.#protocol.isStrict ? this.#abort(badResponse) : outputs;
  }

  #readAck(
    { payload, silenceMs }: Extract<IncomingMessage, { readonly type: 'connection_ack' }>,
    now: Instant,
  ): readonly ClientOutput[] {
    if (this.state === 'ready') return nothing;
    if (this.state !== 'wait-ack') return this.#unlessStrict(nothing);
    this.state = 'ready';
    this.#ackDueAt = never;
    const quietMs = this.#protocol.encodePing ? this.#options.pingAfterMs : silenceMs;
    if (quietMs) this.#watch(quietMs, now);
    return [
      { kind: 'connected', ...(payload && { ackPayload: payload }) },
      ...[...this.#operations.values()].flatMap(start),
    ];
  }

  #readConnectionError({
    payload,
    retryable,
  }: Extract<IncomingMessage, { readonly type: 'connection_error' }>): readonly ClientOutput[] {
    const isReady = this.state === 'ready';
    if (isReady && this.#protocol.isStrict) return this.#readInvalid(badResponse[1]);
    const closing = retryable ? terminated : forbidden;
    return [{ kind: 'connection-error', payload }, ...(isReady ? nothing : this.#abort(closing))];
  }

  #end(operation: RequestedOperation): void {
    this.#operations.delete(operation.id);
    operation.state = 'done';
  }

  /** From now on the server's silence means something. */
  #watch(quietMs: number, now: Instant): void {
    this.#quietMs ??= quietMs;
    this.#hear(now);
  }

  #hear(now: Instant): void {
    this.#isAsked = false;
    this.#silentAt = now + (this.#quietMs ?? never);
  }

  #isRetryable(code: number): boolean {
    return isRetryableClose(code, this.state === 'ready');
  }

  /** Ends the connection from our side. */
  #abort(
    [code, reason]: readonly [code: number, reason: string],
    retryable = this.#isRetryable(code),
  ): readonly ClientOutput[] {
    return [...this.#loseAll(code, reason, retryable), { kind: 'close', code, reason }];
  }

  #loseAll(code: number, reason: string, retryable: boolean): readonly ClientOutput[] {
    this.state = 'closed';
    const operations = [...this.#operations.values()];
    this.#operations.clear();
    return operations.map((operation) => {
      operation.state = 'done';
      return { kind: 'lost', operation, code, reason, retryable };
    });
  }
}

function start(operation: RequestedOperation): readonly ClientOutput[] {
  const { frame } = operation;
  operation.state = 'active';
  operation.frame = '';
  return send(frame);
}

function send(frame: string): readonly ClientOutput[] {
  return [{ kind: 'send', frame }];
}

function violation(message: string): readonly ClientOutput[] {
  return [{ kind: 'violation', message }];
}
