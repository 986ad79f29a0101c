import type { FormattedError, FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { OperationId } from '../connection.ts';
import type { JsonObject } from '../json-frame.ts';

/** The token that stands for this protocol in `Sec-WebSocket-Protocol`: that of `subscriptions-transport-ws`, too. */
export const subprotocol = 'graphql-ws';

/** What is said to a client that did not offer it. */
export const subprotocolNotSupported =
  '{"type":"connection_error","payload":{"errors":[{"message":"SubProtocolNotSupportedError","errorCode":400}]}}';

/** What a client may send. */
export type ClientMessage =
  | { readonly type: 'connection_init' }
  /** Not of this protocol, but sent by clients that speak others as well. */
  | { readonly type: 'connection_terminate' | 'pong' }
  | { readonly id: OperationId; readonly type: 'start'; readonly payload: OperationRequest }
  | { readonly id: OperationId; readonly type: 'stop' };

/** What a server may send. */
export type ServerMessage =
  | { readonly type: 'connection_ack'; readonly payload: AckPayload }
  | { readonly type: 'connection_error'; readonly payload: ErrorsPayload }
  | { readonly type: 'ka' }
  | { readonly id: OperationId; readonly type: 'start_ack' }
  | { readonly id: OperationId; readonly type: 'data'; readonly payload: FormattedResult }
  /** Without an id it concerns the whole connection. */
  | { readonly id?: OperationId; readonly type: 'error'; readonly payload: ErrorsPayload }
  | { readonly id: OperationId; readonly type: 'complete' };

/** Payload of the acknowledgement. */
export interface AckPayload extends JsonObject {
  /** Silence of the server after which its client gives the connection up. */
  readonly connectionTimeoutMs: number;
}

/** Payload of both kinds of error; clients read a list alone. */
export interface ErrorsPayload {
  readonly errors: readonly AppsyncError[];
}

/** An error by whose `errorType` clients decide what to do. */
export interface AppsyncError extends FormattedError {
  readonly errorType: string;
  /** An HTTP status; clients do not try again after 400, 401 and 403 on the way to a connection. */
  readonly errorCode?: number;
}

/** What the parser makes of a frame that it cannot read: an event like others, since the connection goes on. */
export interface Unreadable {
  readonly type: 'unreadable';
  /** The operation that the frame names, if it does. */
  readonly id?: OperationId;
  readonly code: 'BAD_REQUEST' | 'UNAUTHORIZED' | 'UNSUPPORTED_OPERATION';
  /** For people. */
  readonly message: string;
}
