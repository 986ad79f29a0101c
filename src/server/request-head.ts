/** What a server knows of the HTTP request behind a connection or an operation. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** By lower-case name; several lines of one name are joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Some adapters look it up when it is read: of a peer that is gone it is known only if it was read before. */
  readonly remoteAddress?: string | undefined;
}

/** The head that stands in where there is no HTTP request: an operation that the host program starts itself. */
export const noRequest: RequestHead = { method: 'POST', url: '/', headers: {} };
