import { writeJson } from '../../protocol/json-frame.ts';
import type { FormattedError, FormattedResult } from '../../vocabulary.ts';
import { beginsWithMutation } from '../document.ts';
import type { Connection, OperationKind, ResultSink, StartedOperation } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { Hashes } from './hashes.ts';
import { refusalIn, toRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** What an operation with a hash is made of. */
export interface PersistedOperationParts {
  readonly operation: StartedOperation;
  readonly sink: ResultSink;
  readonly hashes: Hashes;
  readonly texts: 'when-unknown' | 'never';
  /** Starts a request, once the one before it was stopped. */
  readonly start: Connection['start'];
  /** Whether there is no connection any more: whoever waits learnt it from that. */
  readonly isOver: () => boolean;
}

/** One operation: its hash first, then whatever else the server asks for. */
export class PersistedOperation implements ResultSink {
  readonly #parts: PersistedOperationParts;
  #hash: string | undefined;
  /** What was sent of the document last. */
  #sent: 'nothing' | 'hash' | 'both' | 'text' = 'nothing';
  /** Something came of it: what was sent is what it runs with. */
  #isAnswered = false;
  #isStopped = false;
  #stopRequest: (() => void) | undefined;

  constructor(parts: PersistedOperationParts) {
    this.#parts = parts;
  }

  /** @throws TypeError for what cannot be written */
  begin(): void {
    const { operation, hashes } = this.#parts;
    const { query } = operation.request;
    this.#hash = hashes.recall(query);
    if (!this.#takesHash()) this.#send('text');
    else if (this.#hash) this.#send('hash');
    else void this.#beginLater(query);
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopRequest?.();
  }

  started(): void {
    this.#parts.sink.started?.();
  }

  next(result: FormattedResult): void {
    if (!result.data && this.answers(toRefusal(result.errors))) return;
    this.#isAnswered = true;
    this.#parts.sink.next(result);
  }

  error(errors: readonly FormattedError[]): void {
    if (!this.answers(toRefusal(errors))) this.#parts.sink.error(errors);
  }

  complete(): void {
    this.#parts.sink.complete();
  }

  failed(failure: TransportError): void {
    if (!this.answers(refusalIn(failure))) this.#parts.sink.failed(failure);
  }

  /** Sends what makes up for the refusal, if something does. */
  answers(refusal: Refusal | undefined): boolean {
    const { hashes, texts } = this.#parts;
    if (!refusal || this.#isAnswered || texts === 'never') return false;
    if (refusal === 'unknown' && this.#sent === 'hash') this.#send('both');
    else if (refusal === 'not-taken' && this.#sent !== 'text') {
      hashes.areTaken = false;
      this.#send('text');
    } else return false;
    return true;
  }

  /** Never rejects. */
  async #beginLater(query: string): Promise<void> {
    const { hashes, texts, sink, isOver } = this.#parts;
    this.#hash = await hashes.find(query);
    if (this.#isStopped || isOver()) return;
    try {
      if (this.#hash) this.#send('hash');
      else if (texts === 'never') throw new TypeError('This document has no hash');
      else this.#send('text');
    } catch (cause) {
      sink.failed(new TransportError('CLIENT_ERROR', String(cause), false, { cause }));
    }
  }

  /** Whether a hash is worth an attempt. */
  #takesHash(): boolean {
    const { operation, hashes, texts } = this.#parts;
    const { query, extensions } = operation.request;
    // somebody else said already which document it is
    if (!query || extensions?.['persistedQuery']) return false;
    return texts === 'never' || (hashes.areTaken && isJson(operation.request));
  }

  #send(part: 'hash' | 'both' | 'text'): void {
    const { kind, request } = this.#parts.operation;
    const { query, extensions } = request;
    this.#stopRequest?.();
    this.#sent = part;
    const persistedQuery = { version: 1, sha256Hash: this.#hash };
    this.#stopRequest = this.#parts.start(
      {
        kind: part === 'hash' ? toKind(kind, query) : kind,
        request: {
          ...request,
          ...(part === 'hash' && { query: '' }),
          ...(part !== 'text' && { extensions: { ...extensions, persistedQuery } }),
        },
      },
      this,
    );
    // it may have been stopped in there
    if (this.#isStopped) this.#stopRequest();
  }
}

/** Who has no text cannot see that it may be a mutation, which has to be sent by POST. */
function toKind(kind: OperationKind, query: string): OperationKind {
  const mutates = kind === 'subscription' ? beginsWithMutation : /\bmutation\b/;
  return mutates.test(query) ? 'mutation' : kind;
}

/** Whether it can be sent as often as it takes: files go once. */
function isJson(value: unknown): boolean {
  try {
    writeJson(value);
    return true;
  } catch {
    return false;
  }
}
