import { Hashes } from './persisted-queries/hashes.ts';
import { PersistedConnection } from './persisted-queries/persisted-connection.ts';
import type { Transport } from './transport.ts';

/** Options of {@link persistedQueries}. */
export interface PersistedQueriesOptions {
  /**
   * The hash of a text, or whatever else a server knows it by: of texts that were hashed when the program was built, or where the runtime has no Web Crypto, as on pages without TLS.
   * A text without one, or whose function fails, is sent as it is.
   *
   * @defaultValue its SHA-256, as 64 hexadecimal digits
   */
  readonly hash?: (text: string) => string | undefined | PromiseLike<string | undefined>;
  /**
   * Whether a server that does not know a hash is sent the text. `never` is for servers that execute trusted documents alone: a text without a hash fails with `CLIENT_ERROR` then.
   *
   * @defaultValue 'when-unknown'
   */
  readonly texts?: 'when-unknown' | 'never';
}

/**
 * Sends hashes in the place of documents: automatic persisted queries, over any transport.
 *
 * @remarks
 * A server that does not know a hash says so, and is sent text and hash, which it keeps; one that keeps none is sent texts alone from then on. Nothing is executed twice by that. Operations with
 * files are sent with their text at once, so that no file goes twice; files that only an `isFile` of `uploads` knows, as those of React Native, go with the hash first.
 */
export function persistedQueries(
  transport: Transport,
  { hash, texts = 'when-unknown' }: PersistedQueriesOptions = {},
): Transport {
  // what was learnt stays when connections go
  const parts = { transport, hashes: new Hashes(hash), texts };
  return {
    isShared: transport.isShared,
    connect: (settings, listener) => new PersistedConnection({ ...parts, settings, listener }),
  };
}
