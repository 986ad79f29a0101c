import { ProtocolViolation } from '../errors.ts';

/** What stands in a request in place of, or beside, the text of its document. */
export interface DocumentReference {
  /** `extensions.documentId`; over HTTP `documentId` beside `query` is moved there. */
  readonly documentId?: string;
  /** `extensions.persistedQuery.sha256Hash`, as it was sent. */
  readonly sha256Hash?: string;
}

const maximumIdLength = 1_024;

/**
 * Reads the convention of automatic persisted queries, version 1, and that of persisted documents.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for what follows neither
 */
export function parseDocumentReference(
  extensions: Readonly<Record<string, unknown>> | undefined,
): DocumentReference {
  const { documentId, persistedQuery } = extensions ?? {};
  return {
    ...(isPresent(documentId) && { documentId: toId(documentId, 'documentId') }),
    ...(isPresent(persistedQuery) && { sha256Hash: toHash(persistedQuery) }),
  };
}

function toHash(persistedQuery: unknown): string {
  if (typeof persistedQuery !== 'object' || persistedQuery === null) {
    throw malformed('`extensions.persistedQuery` must be an object');
  }
  const { version, sha256Hash }: { readonly version?: unknown; readonly sha256Hash?: unknown } =
    persistedQuery;
  if (version !== 1) throw malformed('`extensions.persistedQuery.version` must be 1');
  return toId(sha256Hash, 'extensions.persistedQuery.sha256Hash');
}

function toId(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '' || value.length > maximumIdLength) {
    throw malformed(`\`${name}\` must be a string of 1 to ${maximumIdLength} characters`);
  }
  return value;
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function malformed(message: string): ProtocolViolation {
  return new ProtocolViolation('BAD_REQUEST', message);
}
