import { ProtocolViolation, UsageError } from '../errors.ts';
import type { OperationRequest } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { refusal } from './admission.ts';
import type { DocumentReference } from './document-reference.ts';
import { parseDocumentReference } from './document-reference.ts';
import type { InternalErrorReporter } from './masking.ts';
import type { ServerOptions } from './options.ts';
import { PersistedQueries } from './persisted-queries.ts';
import { TrustedDocuments } from './trusted-documents.ts';

/** A request with the text of its document in place, wherever that came from. */
export interface ResolvedRequest {
  readonly kind: 'resolved';
  readonly request: OperationRequest;
  /** To be called once the text was parsed and validated. */
  readonly keep?: () => void;
}

/** What a client may name or send as its document: automatic persisted queries and trusted documents. */
export class Documents {
  readonly #trusted: TrustedDocuments | undefined;
  readonly #persisted: PersistedQueries | undefined;

  /** @throws UsageError for options that contradict each other */
  constructor(
    options: Pick<ServerOptions, 'persistedQueries' | 'trustedDocuments'>,
    report: InternalErrorReporter,
  ) {
    const { persistedQueries, trustedDocuments } = options;
    this.#trusted = trustedDocuments && new TrustedDocuments(trustedDocuments);
    this.#persisted = persistedQueries && new PersistedQueries(persistedQueries, report);
    if (this.#persisted && this.#trusted?.othersAre === 'refuse') {
      throw new UsageError(
        "persistedQueries lets clients add documents: it needs trustedDocuments.others to be 'accept'",
      );
    }
  }

  /** Finds the text that a request names, and checks one that it holds. Rejects if a store or source of documents does. */
  async resolve(request: OperationRequest): Promise<ResolvedRequest | NotAdmitted> {
    const holdsText = request.query !== '';
    // members of `extensions` that a server does not know are ignored (GraphQL over HTTP, "Request Parameters")
    if (holdsText && !this.#trusted && !this.#persisted) return { kind: 'resolved', request };
    try {
      const reference = parseDocumentReference(request.extensions);
      return await (holdsText ? this.#check(request, reference) : this.#find(request, reference));
    } catch (error) {
      if (error instanceof ProtocolViolation) return refusal(error.code, error.message);
      throw error;
    }
  }

  async #find(
    request: OperationRequest,
    { documentId, sha256Hash }: DocumentReference,
  ): Promise<ResolvedRequest | NotAdmitted> {
    const id = documentId ?? sha256Hash;
    const trusted = id === undefined ? undefined : await this.#trusted?.find(id);
    if (trusted !== undefined) return { kind: 'resolved', request: { ...request, query: trusted } };
    if (this.#trusted?.othersAre === 'refuse') return notTrusted();
    if (sha256Hash === undefined) {
      return documentId === undefined
        ? { kind: 'resolved', request }
        : refusal('DOCUMENT_NOT_FOUND', 'no document with this id is known');
    }
    if (!this.#persisted) {
      return refusal('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
    }
    const persisted = await this.#persisted.find(sha256Hash);
    if (persisted === undefined)
      return refusal('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
    return { kind: 'resolved', request: { ...request, query: persisted } };
  }

  async #check(
    request: OperationRequest,
    { documentId, sha256Hash }: DocumentReference,
  ): Promise<ResolvedRequest | NotAdmitted> {
    if (this.#trusted?.othersAre === 'refuse') {
      const isTrusted = await this.#trusted.has(request.query, documentId ?? sha256Hash);
      return isTrusted ? { kind: 'resolved', request } : notTrusted();
    }
    if (!this.#persisted || sha256Hash === undefined) return { kind: 'resolved', request };
    const keep = await this.#persisted.claim(request.query, sha256Hash);
    if (keep) return { kind: 'resolved', request, keep };
    return refusal(
      'BAD_REQUEST',
      '`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`',
    );
  }
}

function notTrusted(): NotAdmitted {
  return refusal('DOCUMENT_NOT_TRUSTED', 'this server executes only documents that it knows');
}
