import type { FormattedError, FormattedResult, Frame, OperationRequest } from '../vocabulary.ts';
import type { OperationId } from './connection.ts';
import type { JsonObject } from './json-frame.ts';

/** What a server may say, in the words of `graphql-transport-ws` whatever the protocol calls it. */
export type IncomingMessage =
  /** The server accepts the connection; with `silenceMs` it also says for how long it will never be silent. */
  | {
      readonly type: 'connection_ack';
      readonly payload?: JsonObject;
      readonly silenceMs?: number;
    }
  /** The server refuses the connection, or reports a fault of it; a refusal is final unless it is `retryable`. */
  | {
      readonly type: 'connection_error';
      readonly payload?: unknown;
      readonly retryable?: boolean;
    }
  /** The operation runs; only some protocols say so. */
  | { readonly id: OperationId; readonly type: 'start_ack' }
  | { readonly id: OperationId; readonly type: 'next'; readonly payload: FormattedResult }
  /** Request errors, or the failure of the source: the last message for the operation. */
  | {
      readonly id: OperationId;
      readonly type: 'error';
      readonly payload: readonly FormattedError[];
    }
  | { readonly id: OperationId; readonly type: 'complete' }
  /** Asks for `pongFrame`. */
  | { readonly type: 'ping' }
  /** Says only that the server lives. */
  | { readonly type: 'pong' }
  /** The server will say so again and again: from now on its silence means something. */
  | { readonly type: 'ka' };

/**
 * A WebSocket protocol as a client speaks it: how its messages are written and read. Whoever has a protocol of their own writes one of these.
 *
 * @remarks
 * Plain functions that keep nothing. The order of messages, ids, deadlines and the end of everything are the machine's, and the same for all protocols.
 */
export interface ClientProtocol {
  /** For people. */
  readonly name: string;
  /** The token in `Sec-WebSocket-Protocol`. */
  readonly subprotocol: string;
  /** Whether only signs of life may come before the ack, and an unreadable message ends the connection. */
  readonly isStrict: boolean;
  /** The first message. The encoders may throw a `TypeError` for what JSON cannot hold. */
  encodeInit(connectionParams?: JsonObject): string;
  encodeStart(id: OperationId, request: OperationRequest): string;
  encodeStop(id: OperationId): string;
  /** Reads a frame; gives `undefined`, or throws, if the protocol knows no such message. */
  decode(frame: Frame): IncomingMessage | undefined;
  /** The message that asks the server whether it lives, where there is one: called once for each that is sent. */
  readonly encodePing?: () => string;
  /** The answer to the server's own. */
  readonly pongFrame?: string;
  /** What is said before a deliberate close, where something is. */
  readonly farewellFrame?: string;
}
