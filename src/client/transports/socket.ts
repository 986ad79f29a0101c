import type { TransportError } from '../transport-error.ts';

/** What happens to a {@link WebSocketLike}. */
export interface SocketHandlers {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** `failure` is only there if whoever opened the socket knows more than that there is an error. */
  onerror:
    | ((event: { readonly failure?: TransportError; readonly error?: unknown }) => void)
    | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
}

/** The members of a WebSocket that are called here (WHATWG WebSockets; those of `ws` have them, too). */
export interface WebSocketLike {
  readonly protocol: string;
  binaryType: string;
  send(frame: string): void;
  close(code: number, reason: string): void;
}

/** Opens a socket; `subprotocol` is the one to offer. May throw, or reject, for a URL or headers that cannot be used. */
export type OpenSocket = (
  url: string,
  subprotocol: string,
) => (WebSocketLike & SocketHandlers) | PromiseLike<WebSocketLike & SocketHandlers>;
