import type { FormattedError, FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import type { JsonObject } from '../json-frame.ts';

/** The token that stands for this protocol in `Sec-WebSocket-Protocol`. */
export const subprotocol = 'graphql-transport-ws';

/** Legal from both sides whenever the socket is open; no answer is due to a `pong`. */
export type LivenessMessage = { readonly type: 'ping' | 'pong'; readonly payload?: JsonObject };

/** What a client may send. */
export type ClientMessage =
  | { readonly type: 'connection_init'; readonly payload?: JsonObject }
  | LivenessMessage
  | { readonly id: OperationId; readonly type: 'subscribe'; readonly payload: OperationRequest }
  | { readonly id: OperationId; readonly type: 'complete' };

/** What a server may send. */
export type ServerMessage =
  | { readonly type: 'connection_ack'; readonly payload?: JsonObject }
  | LivenessMessage
  | { readonly id: OperationId; readonly type: 'next'; readonly payload: FormattedResult }
  | {
      readonly id: OperationId;
      readonly type: 'error';
      readonly payload: readonly FormattedError[];
    }
  | { readonly id: OperationId; readonly type: 'complete' };

/** Not of this protocol: some servers answer `connection_init` like this where they should close with 4403. */
export interface ForeignRefusal {
  readonly type: 'connection_error';
  readonly payload?: unknown;
}
