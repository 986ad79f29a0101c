import { WebSocket } from 'ws';
import type { RawData } from 'ws';

/** A text frame on a client's socket, or the ping that the server sent below the protocol. */
export type RecordedFrame =
  | { readonly sent: string }
  | { readonly received: string }
  | { readonly received: 'websocket ping' };

/** A class of sockets that tell `record` every frame in the order in which the client sees them. */
export function recordingWebSocket(record: (frame: RecordedFrame) => void): RecordingClass {
  return class RecordingWebSocket extends WebSocket {
    constructor(url: string, subprotocols: string | string[]) {
      super(url, subprotocols);
      this.on('message', (bytes: RawData) => record({ received: String(bytes) }));
      this.on('ping', () => record({ received: 'websocket ping' }));
    }

    override send(data: string): void {
      record({ sent: data });
      super.send(data);
    }
  };
}

type RecordingClass = new (url: string, subprotocols: string | string[]) => WebSocket;
