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
import type { ForeignRefusal, LivenessMessage, ServerMessage } from './messages.ts';

/** The client's half of `graphql-transport-ws`. */
export function createGraphqlTransportWsClient(
  options?: ClientConnectionOptions,
): ClientConnection {
  return new GraphqlTransportWsClient(options);
}

class GraphqlTransportWsClient extends ClientMachine {
  readonly protocol = 'graphql-transport-ws';
  readonly subprotocol = subprotocol;
  // Some servers refuse `null` here: what says nothing is left out.
  protected readonly noParameters = undefined;

  protected encodeStart(id: OperationId, payload: OperationRequest): string {
    return encodeClientMessage({ id, type: 'subscribe', payload });
  }

  protected encodeStop(id: OperationId): string {
    return encodeClientMessage({ id, type: 'complete' });
  }

  protected breakSilence(): readonly ClientOutput[] {
    return [{ kind: 'send', frame: encodeClientMessage({ type: 'ping' }) }];
  }

  protected takeLeave(): readonly ClientOutput[] {
    return nothing;
  }

  protected read(frame: Frame, now: Instant): readonly ClientOutput[] {
    let message: ServerMessage | ForeignRefusal;
    try {
      message = parseServerMessage(frame);
    } catch (error) {
      return this.#giveUp(error instanceof Error ? error.message : undefined);
    }
    switch (message.type) {
      case 'ping':
        return [{ kind: 'send', frame: encodePong(message.payload) }];
      case 'pong':
        return nothing;
      case 'connection_ack':
        return this.#readAck(message.payload, now);
      case 'connection_error':
        return this.state === 'ready' ? this.#giveUp() : this.refused(message.payload);
      case 'next':
      case 'error':
      case 'complete':
        return this.#readAnswer(message);
    }
  }

  #readAck(payload: JsonObject | undefined, now: Instant): readonly ClientOutput[] {
    if (this.state === 'ready') return nothing;
    if (this.state !== 'wait-ack') return this.#giveUp('The ack came before the init.');
    const { pingAfterMs, silenceMs } = this.options;
    this.watch({ pingAfterMs, pingAnswerMs: silenceMs }, now);
    return this.acknowledged(payload);
  }

  #readAnswer(message: Extract<ServerMessage, { id: OperationId }>): readonly ClientOutput[] {
    if (this.state !== 'ready')
      return this.#giveUp(`The first message must not be ${message.type}.`);
    switch (message.type) {
      case 'next':
        return this.deliver(message.id, message.payload);
      case 'error':
        return this.conclude(message.id, message.payload);
      case 'complete':
        return this.conclude(message.id);
    }
  }

  /** 4004 rather than the document's 4400: that is what the reference client sends, and 4400 reads as a fault of the client. */
  #giveUp(reason: string = badResponse.reason): readonly ClientOutput[] {
    return this.abort({ ...badResponse, reason });
  }
}

function encodePong(payload: LivenessMessage['payload']): string {
  try {
    return encodeClientMessage({ type: 'pong', ...(payload === undefined ? {} : { payload }) });
  } catch {
    // Values nested thousands deep can be read but not written; the echo is optional.
    return encodeClientMessage({ type: 'pong' });
  }
}
