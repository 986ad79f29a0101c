import { UsageError } from '../../errors.ts';

/** An event to be written; absent members are left out. */
export interface OutgoingEvent {
  /** The protocol knows the first two alone, and some readers fail at any other: `resume` is for those who brought an id. */
  readonly event: 'next' | 'complete' | 'resume';
  readonly data: string;
  /** One line that a reader sends back as `Last-Event-ID` when it reconnects. */
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
 * A line break in `data`, whichever it is, reaches the reader as LF.
 *
 * @throws UsageError for an id that cannot be written
 */
export function encodeEvent({ event, data, id }: OutgoingEvent): string {
  return `${idLine(id)}event: ${event}\n${dataLines(data)}\n`;
}

function idLine(id: string | undefined): string {
  if (id === undefined) return '';
  if (/[\r\n\0]/.test(id)) throw new UsageError('an event id is one line without NUL');
  return `id: ${id}\n`;
}

function dataLines(data: string): string {
  if (data === '') return 'data:\n';
  // JSON text as it is usually written has no line breaks, so it is not split
  if (!data.includes('\n') && !data.includes('\r')) return `data: ${data}\n`;
  const lines = data.split(/\r\n|\n|\r/);
  return lines.map((line) => `data: ${line}\n`).join('');
}
