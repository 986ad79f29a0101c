import type { ClientOperation } from './connection.ts';

/** {@link ClientOperation} as its connection, which owns it, sees it. */
export interface RequestedOperation extends ClientOperation {
  state: ClientOperation['state'];
  /** The start message, which waits here until it may be sent. */
  frame: string;
}
