import type { FormattedError, FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { StartedOperation } from '../transport.ts';

/** What a stream says. */
export type StreamOutput =
  | { readonly kind: 'result'; readonly result: FormattedResult }
  /** The end: request errors, or the failure of the source. */
  | { readonly kind: 'error'; readonly errors: readonly FormattedError[] }
  /** The end, after which the server wants to be asked again. */
  | { readonly kind: 'reload'; readonly errors: readonly FormattedError[] }
  | { readonly kind: 'complete' }
  | { readonly kind: 'heartbeat' }
  /** Something unreadable, behind which the stream goes on. */
  | { readonly kind: 'violation' };

/** Reads one stream. */
export interface StreamReader {
  /** The reconnection time that the stream asked for, in milliseconds. */
  readonly retryMs?: number | undefined;
  /**
   * Reads the next bytes, as far as the outputs are taken.
   *
   * @throws ProtocolViolation for what makes the rest unreadable
   */
  push(chunk: Uint8Array): Iterable<StreamOutput>;
}

/** What is asked for, and how the answer is read where it is a stream. */
export interface ResponseFormat {
  /** The `Accept` header; a function where it depends on the operation. */
  readonly accept: string | ((operation: StartedOperation) => string);
  readonly stream?: {
    /** In lower case, without parameters. */
    readonly mediaType: string;
    /** The header that takes a resume token, if one does. */
    readonly tokenHeader?: string;
    /** @throws ProtocolViolation for a content type that lacks something */
    createReader(contentType: string, request: OperationRequest): StreamReader;
  };
}

/** In lower case, without parameters; empty if the response says none. */
export function mediaTypeOf({ headers }: Pick<Response, 'headers'>): string {
  const contentType = headers.get('content-type') ?? '';
  return contentType.replace(/;.*/, '').trim().toLowerCase();
}

/** The media type of results that may have any status. */
export const resultMediaType = 'application/graphql-response+json';

/** What plain results are asked for by. */
export const acceptResult = `${resultMediaType}, application/json;q=0.9`;

/** Codes of servers that end a subscription for who comes back with fresh credentials. */
const sessionEnds = /^(CREDENTIALS_EXPIRED|SESSION_REVOKED)$/;

/** Whether who had a subscription shall ask for it again. */
export function areReload(errors: readonly FormattedError[] = [], codes = sessionEnds): boolean {
  return errors.some(({ extensions }) => codes.test(String(extensions?.['code'])));
}
