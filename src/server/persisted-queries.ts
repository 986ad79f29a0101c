import { LRUCache } from 'lru-cache';

import { UsageError } from '../errors.ts';
import type { InternalErrorReporter } from './masking.ts';
import { toSha256Hex } from './sha256.ts';

/**
 * Texts of documents by the SHA-256 of each, perhaps shared by many servers.
 *
 * @remarks
 * It may forget at any time: the client sends the text again. What it returns is trusted to be what it was given, so nobody else may write to it.
 */
export interface PersistedQueryStore {
  /** `null`, which stores tend to answer with, counts as unknown. */
  get(sha256Hash: string): string | null | undefined | Promise<string | null | undefined>;
  /** Called after the text was parsed and validated. Operations do not wait for it; its failure goes to `onInternalError`. */
  set(sha256Hash: string, text: string): unknown;
}

/** Configuration of automatic persisted queries. */
export interface PersistedQueriesOptions {
  /** @defaultValue {@link createPersistedQueryStore} with its defaults */
  readonly store?: PersistedQueryStore;
}

/** Bounds of {@link createPersistedQueryStore}. */
export interface PersistedQueryStoreOptions {
  /** Texts that are held. @defaultValue 1_000 */
  readonly texts?: number;
  /** Size of all texts, two bytes per character. A text larger than all of it is not held. @defaultValue 4_194_304 */
  readonly bytes?: number;
}

const storeDefaults = {
  texts: 1_000,
  bytes: 4_194_304,
} as const satisfies Required<PersistedQueryStoreOptions>;

/**
 * A store in the memory of this process; the texts that were used least recently leave.
 *
 * @throws UsageError for bounds that are no positive integers
 */
export function createPersistedQueryStore(
  options: PersistedQueryStoreOptions = {},
): PersistedQueryStore {
  const { texts, bytes } = { ...storeDefaults, ...options };
  if (!isPositiveInteger(texts) || !isPositiveInteger(bytes)) {
    throw new UsageError(
      '`texts` and `bytes` of a persisted query store must be positive integers',
    );
  }
  const held = new LRUCache<string, string>({
    max: texts,
    maxSize: bytes,
    sizeCalculation: (text) => Math.max(1, 2 * text.length),
  });
  return { get: (hash) => held.get(hash), set: (hash, text) => held.set(hash, text) };
}

function isPositiveInteger(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

/** A store that does not answer must not collect texts without end; what is not kept now is kept when it is sent again. */
const unfinishedWrites = 100;

/** The server's side of automatic persisted queries: remembers texts, and finds them by hash. */
export class PersistedQueries {
  readonly #store: PersistedQueryStore;
  readonly #report: InternalErrorReporter;
  #writes = 0;

  constructor(options: PersistedQueriesOptions, report: InternalErrorReporter) {
    this.#store = options.store ?? createPersistedQueryStore();
    this.#report = report;
  }

  /** The text with that hash, if it is known; rejects if the store does. */
  async find(sha256Hash: string): Promise<string | undefined> {
    if (!isSha256Hex(sha256Hash)) return undefined;
    const text = await this.#store.get(sha256Hash.toLowerCase());
    return typeof text === 'string' ? text : undefined;
  }

  /** What keeps `text`, to be called once it proved valid; `undefined` if it has another hash. */
  async claim(text: string, sha256Hash: string): Promise<(() => void) | undefined> {
    if (!isSha256Hex(sha256Hash)) return undefined;
    const hash = await toSha256Hex(text);
    if (hash !== sha256Hash.toLowerCase()) return undefined;
    return () => void this.#keep(hash, text); // reports its own failure
  }

  async #keep(hash: string, text: string): Promise<void> {
    if (this.#writes >= unfinishedWrites) return;
    this.#writes += 1;
    try {
      await this.#store.set(hash, text);
    } catch (error) {
      this.#report(error, 'persistedQueries');
    } finally {
      this.#writes -= 1;
    }
  }
}

function isSha256Hex(value: string): boolean {
  return /^[\da-f]{64}$/i.test(value);
}
