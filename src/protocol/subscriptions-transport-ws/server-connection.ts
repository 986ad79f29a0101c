import { errorTable } from '../../errors.ts';
import type { ClosingCode, ErrorCode } from '../../errors.ts';
import { never } from '../../vocabulary.ts';
import type { FormattedError, Frame, Instant } from '../../vocabulary.ts';
import type {
  ConnectionRefusal,
  OperationId,
  ServerOperation,
  ServerOutput,
} from '../connection.ts';
import { writeErrors } from '../errors-payload.ts';
import type { JsonObject } from '../json-frame.ts';
import { nothing } from '../outputs.ts';
import { envelopesFor } from '../result-envelope.ts';
import type { ResultEnvelope } from '../result-envelope.ts';
import { ServerMachine } from '../server-machine.ts';
import { encodeServerMessage, parseClientMessage } from './codec.ts';
import { HeldStarts, heldStartLimit } from '../held-starts.ts';
import { endsSession } from '../session-expiry.ts';
import type { ClientMessage, ServerMessage, Unreadable } from './messages.ts';

type StartMessage = Extract<ClientMessage, { type: 'start' }>;

const keepAlive: ServerOutput = send({ type: 'ka' });

const envelopes = envelopesFor('data');

/**
 * The server's half of `subscriptions-transport-ws`.
 *
 * @remarks
 * Stricter than the library that named the protocol where that is unsafe: nothing runs before the connect hook has accepted,
 * and nothing at all if it refuses. A message that cannot be read is answered, and the connection goes on.
 */
export class SubscriptionsTransportWsServer extends ServerMachine {
  readonly protocol = 'subscriptions-transport-ws';
  #held: HeldStarts | undefined;
  #keepAliveAt: Instant = never;

  override get deadline(): Instant {
    return this.state === 'ready' ? Math.min(super.deadline, this.#keepAliveAt) : super.deadline;
  }

  override tick(now: Instant): readonly ServerOutput[] {
    if (this.state !== 'ready' || now < this.#keepAliveAt) return super.tick(now);
    this.#keepAliveAt = now + this.options.keepAliveMs;
    return [keepAlive, ...super.tick(now)];
  }

  /** @throws TypeError if JSON cannot hold `ackPayload`; the connection is then as it was before. */
  accept(now: Instant, ackPayload?: JsonObject): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    const outputs = [
      send({
        type: 'connection_ack',
        ...(ackPayload === undefined ? {} : { payload: ackPayload }),
      }),
    ];
    this.becomeReady();
    this.#keepAliveAt = now + this.options.keepAliveMs;
    // Clients take the first `ka` as the promise of further ones and close when these do not come.
    if (this.#keepAliveAt !== never) outputs.push(keepAlive);
    const held = this.#held?.release() ?? nothing;
    this.#held = undefined;
    return [...outputs, ...held];
  }

  refuse(now: Instant, refusal: ConnectionRefusal): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    const { reason = 'Prohibited connection!', error = 'CONNECTION_REFUSED' } = refusal;
    return this.#closeSaying(now, reason, error);
  }

  fail(now: Instant): readonly ServerOutput[] {
    return this.#closeSaying(now, errorTable.INTERNAL_SERVER_ERROR.reason, 'INTERNAL_SERVER_ERROR');
  }

  /** Who has to come back with other credentials is told so in a message, for clients that show nobody the reason of a close. */
  override close(now: Instant, error: ClosingCode, reason?: string): readonly ServerOutput[] {
    const outputs = super.close(now, error, reason);
    if (outputs === nothing || !endsSession(error)) return outputs;
    const { reason: message } = errorTable[error];
    return [
      send({ type: 'connection_error', payload: { message, extensions: { code: error } } }),
      ...outputs,
    ];
  }

  resultEnvelope(id: OperationId): ResultEnvelope {
    return typeof id === 'number' ? envelopes.number : envelopes.string;
  }

  /**
   * {@link ServerConnection.error} in the form of the reference implementation: `error` holds one error object, so several
   * errors travel as `data` without a `data` member, followed by `complete`. Clients read both.
   */
  error(operation: ServerOperation, errors: readonly FormattedError[]): readonly ServerOutput[] {
    if (!this.end(operation)) return nothing;
    const { id } = operation;
    if (errors.length === 1) {
      const frame = writeErrors(errors, (payload) =>
        encodeServerMessage({ id, type: 'error', payload }),
      );
      return [{ kind: 'send', frame }];
    }
    const frame = writeErrors(errors, (all) =>
      encodeServerMessage({ id, type: 'data', payload: { errors: all } }),
    );
    return [{ kind: 'send', frame }, send({ id, type: 'complete' })];
  }

  complete(operation: ServerOperation): readonly ServerOutput[] {
    return this.end(operation) ? [send({ id: operation.id, type: 'complete' })] : nothing;
  }

  protected read(frame: Frame, now: Instant): readonly ServerOutput[] {
    const message = parseClientMessage(frame);
    switch (message.type) {
      case 'connection_init':
        return this.#readInit(message.payload ?? {}, now);
      case 'connection_error':
        return this.charged(now, nothing);
      case 'connection_terminate':
        return this.close(now, 'NORMAL_CLOSURE');
      case 'start':
        return this.#readStart(message, frame.length, now);
      case 'stop':
        return this.#readStop(message.id, now);
      case 'unreadable':
        return this.charged(now, [this.#answerUnreadable(message)]);
    }
  }

  #readInit(connectionParams: JsonObject, now: Instant): readonly ServerOutput[] {
    if (this.state !== 'wait-init') return this.charged(now, nothing);
    this.becomePending();
    return [{ kind: 'connect', connectionParams }];
  }

  #readStart(message: StartMessage, frameLength: number, now: Instant): readonly ServerOutput[] {
    if (this.state === 'wait-init') {
      return this.#closeSaying(now, 'The connection must be initialised first.', 'UNAUTHORIZED');
    }
    return this.state === 'init-pending'
      ? this.#hold(message, frameLength, now)
      : this.#start(message);
  }

  #start({ id, payload: request }: StartMessage): readonly ServerOutput[] {
    const replaced = this.find(id);
    if (replaced !== undefined) this.stop(replaced);
    const operation = this.add(id);
    operation.run();
    const start: ServerOutput = { kind: 'start', operation, request };
    return replaced === undefined ? [start] : [{ kind: 'cancel', operation: replaced }, start];
  }

  #hold(
    { id, payload: request }: StartMessage,
    frameLength: number,
    now: Instant,
  ): readonly ServerOutput[] {
    this.#held ??= new HeldStarts();
    const replaced = this.find(id);
    if (replaced !== undefined) {
      this.#held.remove(replaced);
      this.stop(replaced);
    }
    if (!this.#held.hasRoomFor(frameLength)) return this.charged(now, [tooManyHeld(id)]);
    this.#held.add(this.add(id), { request, frameLength });
    return replaced === undefined ? nothing : this.charged(now, nothing);
  }

  #readStop(id: OperationId, now: Instant): readonly ServerOutput[] {
    const operation = this.find(id);
    if (operation === undefined) return this.surplusStop(now);
    const isKnown = operation.mayDeliver;
    this.stop(operation);
    this.#held?.remove(operation);
    const complete = send({ id, type: 'complete' });
    return isKnown ? [{ kind: 'cancel', operation }, complete] : this.charged(now, [complete]);
  }

  #answerUnreadable({ id, message }: Unreadable): ServerOutput {
    // `error` would end an operation that has that id by coincidence.
    if (id === undefined || this.find(id) !== undefined) {
      return send({ id: null, type: 'connection_error', payload: { message } });
    }
    return sendError(id, 'BAD_REQUEST', message);
  }

  /**
   * Closes with words before the close, and with 1011, this protocol's only code for a server that does not go on; whoever
   * left out the init gets a code of ours.
   */
  #closeSaying(now: Instant, message: string, error: ClosingCode): readonly ServerOutput[] {
    const { closeCode, reason } =
      errorTable[error === 'UNAUTHORIZED' ? error : 'CONNECTION_REFUSED'];
    const outputs = this.closeWith(now, { code: closeCode, reason, error });
    if (outputs === nothing) return nothing;
    return [send({ type: 'connection_error', payload: { message } }), ...outputs];
  }
}

function send(message: ServerMessage): ServerOutput {
  return { kind: 'send', frame: encodeServerMessage(message) };
}

function sendError(id: OperationId, code: ErrorCode, message: string): ServerOutput {
  return send({ id, type: 'error', payload: [{ message, extensions: { code } }] });
}

function tooManyHeld(id: OperationId): ServerOutput {
  const message = `At most ${heldStartLimit} operations may wait for the connection to be accepted.`;
  return sendError(id, 'TOO_MANY_OPERATIONS', message);
}
