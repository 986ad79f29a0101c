import type {
  ServerConnection,
  ServerConnectionOptions,
  ServerOperation,
  ServerOutput,
} from '../../src/protocol/connection.ts';
import { createServerConnection } from '../../src/protocol/server-connection.ts';
import type { Frame, WebSocketProtocol } from '../../src/vocabulary.ts';
import { messageOf } from './transition-contract.ts';

/** A server connection at time 0, and the words of the test for what goes into it and comes out. */
export class ServerConversation {
  readonly connection: ServerConnection;
  /** Operations that were started, in order. */
  readonly started: ServerOperation[] = [];

  constructor(protocol: WebSocketProtocol, options?: ServerConnectionOptions) {
    this.connection = createServerConnection(protocol, 0, options);
  }

  receive(message: unknown, now = 0): readonly unknown[] {
    return this.receiveFrame(JSON.stringify(message), now);
  }

  receiveFrame(frame: Frame, now = 0): readonly unknown[] {
    return this.tell(this.connection.receive(frame, now));
  }

  /** The operation that was started last. */
  latest(): ServerOperation {
    const operation = this.started.at(-1);
    if (operation === undefined) throw new Error('Nothing was started.');
    return operation;
  }

  /** Outputs with messages instead of frames, and operations by the number in which they started. */
  tell(outputs: readonly ServerOutput[]): readonly unknown[] {
    return outputs.map((output) => {
      if (output.kind === 'start') this.started.push(output.operation);
      if (output.kind === 'send') return { send: messageOf(output.frame) };
      if (output.kind === 'start' || output.kind === 'cancel') {
        return { [output.kind]: this.started.indexOf(output.operation) };
      }
      return output.kind === 'close' ? { close: output.code, reason: output.reason } : output;
    });
  }
}
