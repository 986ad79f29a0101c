import type { Frame, Instant, OperationRequest } from '../../vocabulary.ts';
import { terminated } from '../client-closing.ts';
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

/** The client's half of `subscriptions-transport-ws`, with every variant of it that servers in use speak. */
export function createSubscriptionsTransportWsClient(
  options?: ClientConnectionOptions,
): ClientConnection {
  return new SubscriptionsTransportWsClient(options);
}

class SubscriptionsTransportWsClient extends ClientMachine {
  readonly protocol = 'subscriptions-transport-ws';
  readonly subprotocol = subprotocol;
  // As the reference client does: servers of its time read members of the payload without looking whether there is one.
  protected override readonly noParameters = {};

  protected encodeStart(id: OperationId, payload: OperationRequest): string {
    return encodeClientMessage({ id, type: 'start', payload });
  }

  protected encodeStop(id: OperationId): string {
    return encodeClientMessage({ id, type: 'stop' });
  }

  /** There is nothing to ask the server with: missing `ka` messages prove it dead. */
  protected breakSilence(): readonly ClientOutput[] {
    return this.abort(terminated);
  }

  protected override takeLeave(): readonly ClientOutput[] {
    return [{ kind: 'send', frame: encodeClientMessage({ type: 'connection_terminate' }) }];
  }

  protected read(frame: Frame, now: Instant): readonly ClientOutput[] {
    const message = parseServerMessage(frame);
    switch (message.type) {
      case 'connection_ack':
        return this.#readAck(message.payload);
      case 'connection_error':
        return this.#readConnectionError(message.payload);
      case 'ka':
        this.watch({ pingAfterMs: this.options.silenceMs, pingAnswerMs: 0 }, now);
        return nothing;
      case 'data':
        return this.deliver(message.id, message.payload);
      case 'error':
        return this.conclude(message.id, message.payload);
      case 'complete':
        return this.conclude(message.id);
      case 'unreadable':
        return [{ kind: 'violation', message: message.message }];
    }
  }

  #readAck(payload: JsonObject | undefined): readonly ClientOutput[] {
    return this.state === 'wait-ack' ? this.acknowledged(payload) : nothing;
  }

  #readConnectionError(payload: unknown): readonly ClientOutput[] {
    return this.state === 'ready' ? [{ kind: 'connection-error', payload }] : this.refused(payload);
  }
}
