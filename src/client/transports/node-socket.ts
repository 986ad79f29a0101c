import { WebSocket } from 'ws';

import { errorEntry } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { TransportError } from '../transport-error.ts';
import { toRefusal } from './node-refusal.ts';
import type { NodeResponseLike } from './node-refusal.ts';
import { readTextMessages } from './node-text-messages.ts';
import type { ByteSocketLike } from './node-text-messages.ts';
import type { SocketHandlers, WebSocketLike } from './socket.ts';

/** Options of `ws` for a client, and what it hands on to `node:http` and `node:tls`: `agent`, `ca`, `rejectUnauthorized`, … */
export type SocketOptions = Readonly<Record<string, unknown>>;

/** A constructor of sockets: that of `ws`, one that takes the same, or one of a browser, which takes no options. */
export type WebSocketConstructor<Offer = string> = new (
  url: string,
  subprotocol: Offer,
  options?: SocketOptions,
) => unknown;

/** The members of a socket of `ws` that say more than browsers' sockets do. */
interface TellingSocket {
  on(event: 'upgrade', listener: (response: NodeResponseLike) => void): unknown;
  on(event: 'unexpected-response', listener: Refused): unknown;
  on(event: 'open', listener: () => void): unknown;
  on(event: 'error', listener: (error: { readonly code?: unknown }) => void): unknown;
}

type Refused = (request: unknown, response: NodeResponseLike) => void;
type NodeSocket = WebSocketLike & SocketHandlers & Partial<TellingSocket>;

/** Unless `socketOptions` say otherwise; the types of `ws` know them only in part. */
const defaults = {
  // it costs both sides much memory and time, and lets few bytes stand for many
  perMessageDeflate: false,
  // a server that does not answer our close frame shall not keep the process alive for half a minute
  closeTimeout: 2_000,
} as const satisfies SocketOptions;

/** Opens a socket that tells why it failed, where its implementation knows. Options go to an implementation of the caller's only if there are some. */
export function openNodeSocket<Offer extends string | string[]>(
  Implementation: WebSocketConstructor<Offer> = WebSocket,
  url: string,
  subprotocol: Offer,
  options: SocketOptions,
): NodeSocket {
  const isOurs = Implementation === (WebSocket as WebSocketConstructor<Offer>);
  const hasOptions = Object.keys(options).length > 0;
  const socket = (
    isOurs
      ? new Implementation(url, subprotocol, { ...defaults, ...options })
      : new Implementation(url, subprotocol, ...(hasOptions ? [options] : []))
  ) as NodeSocket; // what the WHATWG describes has all members, and handlers of wider types
  if (socket.on)
    tellFailures(
      socket as WebSocketLike & SocketHandlers & TellingSocket,
      typeof subprotocol === 'string' ? [subprotocol] : subprotocol,
    );
  if (isOurs && !changesReading(options))
    readQuickly(socket as unknown as WebSocket & SocketHandlers); // it is one of ours
  return socket;
}

/** Whether `ws` shall read in another way, or with other limits, than it does by itself. */
function changesReading(options: SocketOptions): boolean {
  return ['allowSynchronousEvents', 'maxPayload'].some((name) => name in options);
}

/** Results often come in great numbers; see {@link readTextMessages}. */
function readQuickly(webSocket: Omit<WebSocket, keyof SocketHandlers> & SocketHandlers): void {
  webSocket.once('upgrade', ({ socket }: { readonly socket: ByteSocketLike | null }) => {
    // what Bun has in place of `ws` shows none
    if (!socket) return;
    webSocket.once('open', () => {
      // looked up once: whoever sets handlers does so before the socket opens
      const { onmessage } = webSocket;
      if (onmessage) readTextMessages(webSocket, socket, (data) => onmessage({ data }));
    });
  });
}

/** Hands failures that are known better than by an error event to `onerror`, before that event gets there. */
function tellFailures(
  socket: WebSocketLike & SocketHandlers & TellingSocket,
  offered: readonly unknown[],
): void {
  const tell = (failure: TransportError): void => socket.onerror?.({ failure });
  let phase: 'asking' | 'upgrading' | 'open' = 'asking';
  let chosen: unknown;
  socket.on('upgrade', ({ headers }) => {
    phase = 'upgrading';
    chosen = headers['sec-websocket-protocol'];
  });
  socket.on('open', () => {
    phase = 'open';
  });
  socket.on('unexpected-response', (_request, response) => {
    // never rejects; the socket is ended by whoever hears of the failure
    void toRefusal(response).then(tell);
  });
  socket.on('error', (error) => {
    // a server that agrees to the upgrade and gets it wrong will not get it right the next time
    if (phase === 'upgrading') {
      tell(
        toFailure(
          offered.includes(chosen) ? 'PROTOCOL_ERROR' : 'SUBPROTOCOL_NOT_ACCEPTABLE',
          error,
        ),
      );
    } else if (phase === 'open') {
      const code = toCode(error.code);
      if (code) tell(toFailure(code, error));
    }
  });
}

/** What `ws` calls a message that is larger than `maxPayload`, and one in too many pieces; whatever else it finds is against the protocol. */
const codes: Readonly<Record<string, ErrorCode>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'MESSAGE_TOO_BIG',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'MESSAGE_TOO_BIG',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'TOO_MANY_FRAGMENTS',
};

/** `undefined` if it was not the server's bytes that `ws` could not read. */
function toCode(code: unknown): ErrorCode | undefined {
  return typeof code === 'string' && code.startsWith('WS_ERR_')
    ? (codes[code] ?? 'PROTOCOL_ERROR')
    : undefined;
}

function toFailure(code: ErrorCode, cause: object): TransportError {
  const { message } = cause as Error; // `ws` emits nothing else
  return new TransportError(code, message, errorEntry(code).retryable, { cause });
}
