import { ProtocolViolation } from '../../errors.ts';
import type { Frame, Instant, OperationRequest } from '../../vocabulary.ts';
import { badResponse } from '../client-closing.ts';
import { ClientMachine } from '../client-machine.ts';
import type {
  ClientConnection,
  ClientConnectionOptions,
  ClientOutput,
  OperationId,
} from '../connection.ts';
import type { JsonObject } from '../json-frame.ts';
import { nothing } from '../outputs.ts';
import { encodeClientMessage, parseServerMessage } from './codec.ts';
import { subprotocol } from './messages.ts';
import type { ForeignRefusal, ServerMessage } from './messages.ts';

const outOfTurn = 'A message came before its time.';

/** The client's half of `graphql-transport-ws`. */
export function createGraphqlTransportWsClient(
  options?: ClientConnectionOptions,
): ClientConnection {
  return new GraphqlTransportWsClient(options);
}

class GraphqlTransportWsClient extends ClientMachine {
  readonly protocol = 'graphql-transport-ws';
  readonly subprotocol = subprotocol;

  protected encodeStart(id: OperationId, payload: OperationRequest): string {
    return encodeClientMessage({ id, type: 'subscribe', payload });
  }

  protected encodeStop(id: OperationId): string {
    return encodeClientMessage({ id, type: 'complete' });
  }

  protected breakSilence(): readonly ClientOutput[] {
    return [{ kind: 'send', frame: encodeClientMessage({ type: 'ping' }) }];
  }

  protected read(frame: Frame, now: Instant): readonly ClientOutput[] {
    let message: ServerMessage | ForeignRefusal;
    try {
      message = parseServerMessage(frame);
    } catch (error) {
      return this.#giveUp(error instanceof ProtocolViolation ? error.message : undefined);
    }
    if ('id' in message && this.state !== 'ready') return this.#giveUp(outOfTurn);
    return this.#take(message, now);
  }

  #take(message: ServerMessage | ForeignRefusal, now: Instant): readonly ClientOutput[] {
    switch (message.type) {
      case 'next':
        return this.deliver(message.id, message.payload);
      case 'error':
        return this.conclude(message.id, message.payload);
      case 'complete':
        return this.conclude(message.id);
      case 'ping':
        // Without the payload: nobody may rely on its echo.
        return [{ kind: 'send', frame: encodeClientMessage({ type: 'pong' }) }];
      case 'pong':
        return nothing;
      case 'connection_ack':
        return this.#readAck(message.payload, now);
      case 'connection_error':
        return this.state === 'ready' ? this.#giveUp() : this.refused(message.payload);
    }
  }

  #readAck(payload: JsonObject | undefined, now: Instant): readonly ClientOutput[] {
    if (this.state === 'ready') return nothing;
    if (this.state !== 'wait-ack') return this.#giveUp(outOfTurn);
    const { pingAfterMs, silenceMs } = this.options;
    this.watch({ pingAfterMs, pingAnswerMs: silenceMs }, now);
    return this.acknowledged(payload);
  }

  /** 4004 rather than the document's 4400: that is what the reference client sends, and 4400 reads as a fault of the client. */
  #giveUp(reason: string = badResponse.reason): readonly ClientOutput[] {
    return this.abort({ ...badResponse, reason });
  }
}
