/** The keys of one log in Redis. */
export interface LogKeys {
  /** Holds the events. */
  readonly stream: string;
  /** Names the incarnation of the stream. */
  readonly epoch: string;
}

/** No two pairs of topic and key have a name in common, because neither holds a colon once it is escaped. */
export function logKeys(prefix: string, topic: string, key: string): LogKeys {
  const stream = `${prefix}:${escapePart(topic)}:${escapePart(key)}`;
  return { stream, epoch: `${stream}:epoch` };
}

/** The key that remembers the event that was published with `idempotencyId`. */
export function idempotencyKey(keys: LogKeys, idempotencyId: string): string {
  return `${keys.stream}:id:${escapeSurrogates(idempotencyId)}`;
}

/** The stream of one process, to which it writes in order to be woken. */
export function wakeKey(prefix: string, processId: string): string {
  return `${prefix}:::wake:${processId}`;
}

function escapePart(text: string): string {
  return escapeSurrogates(text.replaceAll('%', '%25').replaceAll(':', '%3A'));
}

/** Halves of surrogate pairs have no UTF-8: all of them would become the same character. */
function escapeSurrogates(text: string): string {
  return text.replaceAll(
    /\p{Surrogate}/gu,
    (half) => `%u${half.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
