import type { FrameTarget } from './byte-target.ts';

/**
 * What an adapter has to give the server for each WebSocket that it accepted.
 *
 * @remarks
 * No method throws, also when the socket is already gone. One that can write bytes past the framing of its runtime should be a {@link FrameSocket}.
 */
export interface MessageSocket {
  /** Sends one text message. */
  send(frame: string): void;
  /** Sends a WebSocket ping without payload. Absent where the runtime cannot: then the peer is asked in its protocol, if that has a message for it. */
  ping?(): void;
  /** Starts the close handshake; `reason` has at most 123 bytes. */
  close(code: number, reason: string): void;
  /** Ends the connection without a handshake. */
  destroy(): void;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** A socket that also takes frames which the server has made: then all messages and pings of a turn leave in one write. */
export interface FrameSocket extends MessageSocket, FrameTarget {}

/** What the server gives back: the adapter calls these, each as soon as the thing happens. */
export interface SocketEvents {
  /** A whole message, text as a string. */
  message(frame: string | Uint8Array): void;
  /** Bytes of a message arrived, the last of it not yet; where the runtime does not show it, never called. */
  incomplete(): void;
  /** A pong, or any other sign of life without a message. */
  heard(): void;
  /** The operating system took what was buffered. */
  drained(): void;
  /** The socket is gone; called once, also after `destroy`. Code 1006 if no close frame came. */
  closed(code: number, reason: string): void;
}
