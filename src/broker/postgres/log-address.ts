import { SourceError } from '../../errors.ts';

/** A log, as it is stored. */
export interface LogAddress {
  readonly topic: string;
  readonly key: string;
  /** No other log has it. */
  readonly name: string;
}

/** What fits into an index of PostgreSQL together with a place, and into a notification. */
const addressBytes = 2_000;

/** Throws a `SourceError` `TOPIC_KEY_TOO_LONG`. */
export function toAddress(topic: string, key: string): LogAddress {
  const [storedTopic, storedKey] = [toStoredText(topic), toStoredText(key)];
  if (utf8.encode(storedTopic + storedKey).length > addressBytes)
    throw new SourceError(
      'TOPIC_KEY_TOO_LONG',
      `a topic and its key have at most ${addressBytes} bytes`,
    );
  return { topic: storedTopic, key: storedKey, name: nameOf([storedTopic, storedKey]) };
}

/** The name of the log that a notification is about; `undefined` where it does not say. */
export function notifiedName(payload: string): string | undefined {
  try {
    return nameOf(JSON.parse(payload));
  } catch {
    return undefined;
  }
}

/** A text as PostgreSQL can hold it: no two become the same. */
export function toStoredText(text: string): string {
  return text
    .replaceAll('%', '%25')
    .replaceAll('\0', '%00')
    .replaceAll(/\p{Surrogate}/gu, (half) => `%u${half.charCodeAt(0).toString(16).toUpperCase()}`);
}

const utf8 = new TextEncoder();

function nameOf(topicAndKey: unknown): string {
  return JSON.stringify(topicAndKey);
}
