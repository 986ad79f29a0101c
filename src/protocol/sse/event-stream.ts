/** An event to be written; absent members are left out. */
export interface OutgoingEvent {
  readonly event: string;
  /** JSON text, or empty; it holds no raw line break. */
  readonly data: string;
  /** What a reader sends back as `Last-Event-ID` when it reconnects. */
  readonly id?: string;
}

/**
 * A comment: bytes that mean nothing.
 *
 * @remarks
 * Sent at once, because some readers withhold a response until its first byte, and while nothing else is sent, because only a write shows that a proxy's
 * client has gone.
 */
export const comment = ':\n\n';

/**
 * Writes one event of an event stream (WHATWG HTML, "Server-sent events").
 *
 * @remarks
 * Line ends are LF: some readers split at two of them and know no other. There is always a `data` line, because an event without one is never dispatched.
 */
export function encodeEvent({ event, data, id }: OutgoingEvent): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `${idLine}event: ${event}\ndata:${data === '' ? '' : ' '}${data}\n\n`;
}
