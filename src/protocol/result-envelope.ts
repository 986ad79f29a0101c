import type { OperationId } from './connection.ts';

/**
 * The text around one result in a protocol: `beforeId`, the id as {@link toIdText} writes it, `afterId`, the JSON text of the result, `end`.
 *
 * @remarks
 * A constant of its protocol, compared by identity: whatever was written in an envelope serves everybody who has the same one.
 */
export interface ResultEnvelope {
  readonly beforeId: string;
  readonly afterId: string;
  readonly end: string;
  /** What the protocol makes of the text of a result, if it cannot carry it as it is. */
  readonly rewrite?: (resultText: string) => string;
}

/** What stands behind the id of a result in its envelope. */
export function tailOf({ afterId, end, rewrite }: ResultEnvelope, resultText: string): string {
  return afterId + (rewrite ? rewrite(resultText) : resultText) + end;
}

/** The envelopes of a protocol whose results are messages of `type`, by the kind of their id. */
export function envelopesFor(type: string): Readonly<Record<'string' | 'number', ResultEnvelope>> {
  const rest = `,"type":${JSON.stringify(type)},"payload":`;
  return {
    string: { beforeId: '{"id":"', afterId: `"${rest}`, end: '}' },
    number: { beforeId: '{"id":', afterId: rest, end: '}' },
  };
}

/** The JSON text of an id, less the quotes that a string's envelope has; for most ids the id itself. */
export function toIdText(id: OperationId | string): string {
  if (typeof id === 'number') return String(id);
  return isPlain(id) ? id : JSON.stringify(id).slice(1, -1);
}

/** Printable ASCII that JSON need not escape. */
function isPlain(id: string): boolean {
  return /^[ !#-[\]-~]*$/.test(id);
}
