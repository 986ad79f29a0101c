import type { FormattedError, FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import type { JsonObject } from '../json-frame.ts';

/** The token that stands for this protocol in `Sec-WebSocket-Protocol`; not to be confused with the library of that name. */
export const subprotocol = 'graphql-ws';

/** What a client may send. */
export type ClientMessage =
  | { readonly type: 'connection_init'; readonly payload?: JsonObject }
  /** Some clients report like this that their own parameters callback failed. */
  | { readonly type: 'connection_error'; readonly payload?: unknown }
  | { readonly type: 'connection_terminate' }
  | { readonly id: OperationId; readonly type: 'start'; readonly payload: OperationRequest }
  | { readonly id: OperationId; readonly type: 'stop' };

/** What a server may send. */
export type ServerMessage =
  | { readonly type: 'connection_ack'; readonly payload?: JsonObject }
  | { readonly id?: null; readonly type: 'connection_error'; readonly payload?: unknown }
  | { readonly type: 'ka' }
  | { readonly id: OperationId; readonly type: 'data'; readonly payload: FormattedResult }
  /** Never empty. A single error is written as an object, not as a list. */
  | {
      readonly id: OperationId;
      readonly type: 'error';
      readonly payload: readonly FormattedError[];
    }
  | { readonly id: OperationId; readonly type: 'complete' };

/** What the parsers make of a frame that they cannot read: here that is an event like others, since the connection goes on. */
export interface Unreadable {
  readonly type: 'unreadable';
  /** The operation that the frame names, if it does. */
  readonly id?: OperationId;
  /** For people. */
  readonly message: string;
}
