import { ProtocolViolation, errorTable } from '../../errors.ts';
import type { ClosingCode, ErrorCode } from '../../errors.ts';
import { never } from '../../vocabulary.ts';
import type { FormattedError, Frame, Instant } from '../../vocabulary.ts';
import type {
  ConnectionRefusal,
  OperationId,
  ServerConnectionOptions,
  ServerConnectionState,
  ServerOperation,
  ServerOutput,
} from '../connection.ts';
import { writeErrors } from '../errors-payload.ts';
import { HeldStarts, heldStartLimit } from '../held-starts.ts';
import type { JsonObject } from '../json-frame.ts';
import { nothing } from '../outputs.ts';
import type { ResultEnvelope } from '../result-envelope.ts';
import { ServerMachine } from '../server-machine.ts';
import { endsSession } from '../session-expiry.ts';
import { encodeServerMessage, parseClientMessage } from './codec.ts';
import { EndedIds } from './ended-ids.ts';
import { toAppsyncError } from './error-types.ts';
import { readAuthorization } from './handshake.ts';
import type { Handshake } from './handshake.ts';
import type { ClientMessage, ServerMessage, Unreadable } from './messages.ts';
import { resultEnvelope } from './result-envelope.ts';

type StartMessage = Extract<ClientMessage, { type: 'start' }>;

/** As in the tables: a connection whose client has not sent its init, which is optional, has states of its own. */
export type ServerPhase = ServerConnectionState | 'pending-uninitialised' | 'ready-uninitialised';

const keepAlive: ServerOutput = send({ type: 'ka' });

/** The longest that the timers of clients can wait. */
const longestTimeoutMs = 2 ** 31 - 1;

/**
 * The server's half of `appsync`.
 *
 * @remarks
 * Who wants in stands in the handshake, not in the init message, and is read when the first message comes. The document leaves open how a server closes; each
 * close follows our own table, behind a `connection_error` where there is one to say.
 */
export class AppsyncServer extends ServerMachine {
  readonly protocol = 'appsync';
  readonly #handshake: Handshake;
  #init: 'absent' | 'unanswered' | 'answered' = 'absent';
  /** Waits for an init message that comes late. */
  #ack: ServerOutput | undefined;
  #held: HeldStarts | undefined;
  #ended: EndedIds | undefined;
  #keepAliveAt: Instant = never;

  constructor(
    now: Instant,
    options?: ServerConnectionOptions,
    handshake: Handshake = { url: '/', headers: {} },
  ) {
    super(now, options);
    this.#handshake = handshake;
  }

  get phase(): ServerPhase {
    if (this.#init !== 'absent') return this.state;
    if (this.state === 'init-pending') return 'pending-uninitialised';
    return this.state === 'ready' ? 'ready-uninitialised' : this.state;
  }

  override get deadline(): Instant {
    return this.state === 'ready' ? Math.min(super.deadline, this.#keepAliveAt) : super.deadline;
  }

  override tick(now: Instant): readonly ServerOutput[] {
    if (this.state !== 'ready' || now < this.#keepAliveAt) return super.tick(now);
    this.#keepAliveAt = now + this.#keepAliveMs;
    return [keepAlive, ...super.tick(now)];
  }

  /** @throws TypeError if JSON cannot hold `ackPayload`; the connection is then as it was before. */
  accept(now: Instant, ackPayload?: JsonObject): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    const connectionTimeoutMs = this.#connectionTimeoutMs;
    this.#ack = send({ type: 'connection_ack', payload: { ...ackPayload, connectionTimeoutMs } });
    this.becomeReady();
    const acknowledgement = this.#init === 'unanswered' ? this.#acknowledge(now) : nothing;
    const held = this.#held?.release() ?? nothing;
    this.#held = undefined;
    return [...acknowledgement, ...held];
  }

  refuse(now: Instant, refusal: ConnectionRefusal): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    const { reason = 'You are not authorized to make this call.', error = 'UNAUTHORIZED' } =
      refusal;
    return this.#closeSaying(now, error, reason);
  }

  fail(now: Instant): readonly ServerOutput[] {
    return this.#closeSaying(now, 'INTERNAL_SERVER_ERROR', 'Internal server error');
  }

  /** Who has to come back with other credentials is told so in a message, as everybody who is refused. */
  override close(now: Instant, code: ClosingCode, reason?: string): readonly ServerOutput[] {
    const outputs = super.close(now, code, reason);
    if (outputs === nothing || !endsSession(code)) return outputs;
    return [connectionError(code, errorTable[code].reason), ...outputs];
  }

  override started({ id, mayDeliver }: ServerOperation): readonly ServerOutput[] {
    return mayDeliver ? [send({ id, type: 'start_ack' })] : nothing;
  }

  resultEnvelope(): ResultEnvelope {
    return resultEnvelope;
  }

  error(operation: ServerOperation, errors: readonly FormattedError[]): readonly ServerOutput[] {
    if (!this.#end(operation)) return nothing;
    const { id } = operation;
    const frame = writeErrors(errors, (all) =>
      encodeServerMessage({ id, type: 'error', payload: { errors: all.map(toAppsyncError) } }),
    );
    return [{ kind: 'send', frame }];
  }

  complete(operation: ServerOperation): readonly ServerOutput[] {
    return this.#end(operation) ? [send({ id: operation.id, type: 'complete' })] : nothing;
  }

  protected read(frame: Frame, now: Instant): readonly ServerOutput[] {
    const message = parseClientMessage(frame);
    switch (message.type) {
      case 'connection_init':
        return this.#readInit(now);
      case 'connection_terminate':
      case 'pong':
        return this.charged(now, nothing);
      case 'start':
        return this.#readStart(message, frame.length, now);
      case 'stop':
        return this.#readStop(message.id, now);
      case 'unreadable':
        return this.charged(now, [this.#answerUnreadable(message)]);
    }
  }

  get #connectionTimeoutMs(): number {
    return Math.min(Math.max(Math.floor(this.options.connectionTimeoutMs), 1), longestTimeoutMs);
  }

  /** Clients close when nothing came for the time that they were told, so two of three may be lost, or late. */
  get #keepAliveMs(): number {
    return Math.min(this.options.keepAliveMs, this.#connectionTimeoutMs / 3);
  }

  #readInit(now: Instant): readonly ServerOutput[] {
    if (this.#init !== 'absent') return this.charged(now, nothing);
    this.#init = 'unanswered';
    if (this.state === 'wait-init') return this.#connect(now);
    return this.state === 'ready' ? this.#acknowledge(now) : nothing;
  }

  /** Asks whether the client of the handshake may come in. */
  #connect(now: Instant): readonly ServerOutput[] {
    try {
      const authorization = readAuthorization(this.#handshake);
      this.becomePending();
      return [{ kind: 'connect', connectionParams: { authorization } }];
    } catch (error) {
      if (error instanceof ProtocolViolation)
        return this.#closeSaying(now, 'BAD_REQUEST', error.message);
      throw error;
    }
  }

  #acknowledge(now: Instant): readonly ServerOutput[] {
    const ack = this.#ack;
    if (ack === undefined) return nothing;
    this.#ack = undefined;
    this.#init = 'answered';
    this.#keepAliveAt = now + this.#keepAliveMs;
    // some clients begin to wait for further ones only with the first
    return [ack, keepAlive];
  }

  #readStart(message: StartMessage, frameLength: number, now: Instant): readonly ServerOutput[] {
    const { id } = message;
    if (this.find(id) !== undefined) {
      const answer = sendError('DUPLICATE_OPERATION_ID', 'This id is in use.', id);
      return this.charged(now, [answer]);
    }
    this.#ended?.take(id);
    if (this.state === 'ready') return this.#start(message);
    const connecting = this.state === 'wait-init' ? this.#connect(now) : nothing;
    // a handshake that cannot be read is the end
    if (connecting.some(({ kind }) => kind === 'close')) return connecting;
    return [...connecting, ...this.#hold(message, frameLength, now)];
  }

  #start({ id, payload: request }: StartMessage): readonly ServerOutput[] {
    const operation = this.add(id);
    operation.run();
    return [{ kind: 'start', operation, request }];
  }

  #hold(
    { id, payload: request }: StartMessage,
    frameLength: number,
    now: Instant,
  ): readonly ServerOutput[] {
    this.#held ??= new HeldStarts();
    if (!this.#held.hasRoomFor(frameLength)) {
      const message = `At most ${heldStartLimit} operations may wait for the connection to be accepted.`;
      return this.charged(now, [sendError('TOO_MANY_OPERATIONS', message, id)]);
    }
    this.#held.add(this.add(id), { request, frameLength });
    return nothing;
  }

  #readStop(id: OperationId, now: Instant): readonly ServerOutput[] {
    const complete = send({ id, type: 'complete' });
    const operation = this.find(id);
    if (operation === undefined) {
      return this.#ended?.take(id) === true ? nothing : this.charged(now, [complete]);
    }
    const isKnown = operation.mayDeliver;
    this.stop(operation);
    this.#held?.remove(operation);
    return isKnown ? [{ kind: 'cancel', operation }, complete] : this.charged(now, [complete]);
  }

  #answerUnreadable({ id, code, message }: Unreadable): ServerOutput {
    // an error with its id would end an operation that has that by coincidence
    const isTaken = id !== undefined && this.find(id) !== undefined;
    return sendError(code, message, isTaken ? undefined : id);
  }

  #end(operation: ServerOperation): boolean {
    if (!this.stop(operation)) return false;
    this.#ended ??= new EndedIds();
    this.#ended.add(operation.id);
    return true;
  }

  #closeSaying(now: Instant, code: ClosingCode, message: string): readonly ServerOutput[] {
    const outputs = super.close(now, code);
    if (outputs === nothing) return nothing;
    return [connectionError(code, message), ...outputs];
  }
}

function connectionError(code: ClosingCode, message: string): ServerOutput {
  const payload = { errors: [toAppsyncError({ message, extensions: { code } })] };
  return send({ type: 'connection_error', payload });
}

function send(message: ServerMessage): ServerOutput {
  return { kind: 'send', frame: encodeServerMessage(message) };
}

function sendError(code: ErrorCode, message: string, id?: OperationId): ServerOutput {
  const payload = { errors: [toAppsyncError({ message, extensions: { code } })] };
  return send({ ...(id === undefined ? {} : { id }), type: 'error', payload });
}
