/** Whether the server that stores the logs can be reached. */
export type RemoteStatus =
  | { readonly kind: 'connecting' | 'ready' | 'closed' }
  | { readonly kind: 'unavailable'; readonly error: unknown };

/** What is asked of a connection that is made again whenever it is lost. */
export interface ConnectionLike {
  readonly isReady: boolean;
  /** Nobody has asked for it yet. */
  readonly isNew: boolean;
  /** Why it is not ready; `undefined` before it was ever lost. */
  readonly lastError: unknown;
}

/** What several connections come to; `undefined` while one of them is made for the first time. */
export function statusOf(connections: readonly ConnectionLike[]): RemoteStatus | undefined {
  const lost = connections.find(({ isReady, isNew }) => !isReady && !isNew);
  if (lost === undefined) return { kind: 'ready' };
  const { lastError: error } = lost;
  return error === undefined ? undefined : { kind: 'unavailable', error };
}
