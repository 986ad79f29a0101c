import type { FormattedError, Frame, Instant } from '../../vocabulary.ts';
import type {
  ConnectionRefusal,
  OperationId,
  ServerOperation,
  ServerOutput,
} from '../connection.ts';
import { writeErrors } from '../errors-payload.ts';
import { isJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { nothing } from '../outputs.ts';
import { envelopesFor } from '../result-envelope.ts';
import type { ResultEnvelope } from '../result-envelope.ts';
import { ServerMachine } from '../server-machine.ts';
import { withExpiry } from '../session-expiry.ts';
import { encodeServerMessage, parseClientMessage } from './codec.ts';
import type { ClientMessage } from './messages.ts';

const barePong: readonly ServerOutput[] = [
  { kind: 'send', frame: encodeServerMessage({ type: 'pong' }) },
];

const ping = encodeServerMessage({ type: 'ping' });

const envelopes = envelopesFor('next');

/** The server's half of `graphql-transport-ws`. */
export class GraphqlTransportWsServer extends ServerMachine {
  readonly protocol = 'graphql-transport-ws';

  override get pingMessage(): string {
    return ping;
  }

  /** @throws TypeError if JSON cannot hold `ackPayload`; the connection is then as it was before. */
  accept(_now: Instant, ackPayload?: JsonObject): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    const frame = encodeServerMessage({
      type: 'connection_ack',
      ...(ackPayload === undefined ? {} : { payload: ackPayload }),
    });
    // Before the ack is written: a `subscribe` may follow the instant that the peer reads it.
    this.becomeReady();
    return [{ kind: 'send', frame }];
  }

  override renewed(echo: JsonObject, expiresInMs?: number): readonly ServerOutput[] {
    if (this.state !== 'ready') return nothing;
    return pong(expiresInMs === undefined ? echo : withExpiry(echo, expiresInMs));
  }

  refuse(now: Instant, refusal: ConnectionRefusal): readonly ServerOutput[] {
    if (this.state !== 'init-pending') return nothing;
    return this.close(now, refusal.error ?? 'FORBIDDEN', refusal.reason);
  }

  fail(now: Instant): readonly ServerOutput[] {
    return this.close(now, 'INTERNAL_SERVER_ERROR');
  }

  resultEnvelope(id: OperationId): ResultEnvelope {
    return typeof id === 'number' ? envelopes.number : envelopes.string;
  }

  error(operation: ServerOperation, errors: readonly FormattedError[]): readonly ServerOutput[] {
    if (!this.end(operation)) return nothing;
    const { id } = operation;
    const frame = writeErrors(errors, (payload) =>
      encodeServerMessage({ id, type: 'error', payload }),
    );
    return [{ kind: 'send', frame }];
  }

  complete(operation: ServerOperation): readonly ServerOutput[] {
    if (!this.end(operation)) return nothing;
    return [{ kind: 'send', frame: encodeServerMessage({ id: operation.id, type: 'complete' }) }];
  }

  protected read(frame: Frame, now: Instant): readonly ServerOutput[] {
    let message: ClientMessage;
    try {
      message = parseClientMessage(frame);
    } catch {
      return this.close(now, 'BAD_REQUEST');
    }
    switch (message.type) {
      case 'connection_init':
        return this.#readInit(message.payload ?? {}, now);
      case 'ping':
        return this.charged(now, this.#answerPing(message.payload));
      case 'pong':
        return this.charged(now, nothing);
      case 'subscribe':
        return this.#readSubscribe(message, now);
      case 'complete':
        return this.#readComplete(message.id, now);
    }
  }

  /** Credentials that come before there is a session, or as no object, renew nothing. */
  #answerPing(asked: JsonObject | undefined): readonly ServerOutput[] {
    if (asked === undefined) return barePong;
    const { auth, ...echo } = asked;
    if (this.state !== 'ready' || !isJsonObject(auth)) return pong(echo);
    return [{ kind: 'renew', connectionParams: auth, echo }];
  }

  #readInit(connectionParams: JsonObject, now: Instant): readonly ServerOutput[] {
    if (this.state !== 'wait-init') return this.close(now, 'TOO_MANY_INITS');
    this.becomePending();
    return [{ kind: 'connect', connectionParams }];
  }

  #readSubscribe(
    { id, payload: request }: Extract<ClientMessage, { type: 'subscribe' }>,
    now: Instant,
  ): readonly ServerOutput[] {
    if (this.state !== 'ready') return this.close(now, 'UNAUTHORIZED');
    if (this.find(id) !== undefined) {
      return this.close(now, 'DUPLICATE_OPERATION_ID', `Subscriber for ${id} already exists`);
    }
    const operation = this.add(id);
    operation.run();
    return [{ kind: 'start', operation, request }];
  }

  #readComplete(id: OperationId, now: Instant): readonly ServerOutput[] {
    const operation = this.find(id);
    if (operation === undefined) return this.surplusStop(now);
    this.stop(operation);
    return [{ kind: 'cancel', operation }];
  }
}

/** Whoever is asked with a payload answers with it; the credentials in it were taken out before. */
function pong(payload: JsonObject): readonly ServerOutput[] {
  try {
    return [{ kind: 'send', frame: encodeServerMessage({ type: 'pong', payload }) }];
  } catch {
    // Values nested thousands deep can be read but not written; the echo is optional.
    return barePong;
  }
}
