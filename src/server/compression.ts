import { UsageError } from '../errors.ts';
import { mostStoredBytes, storedBlockBytes, utf8Length, withoutFlush } from '../protocol/index.ts';
import type { ResultEnvelope } from '../protocol/index.ts';
import type { Counters } from './counters.ts';
import { givenNumbers } from './limits.ts';

/** What of the results on WebSockets is compressed. */
export interface CompressionOptions {
  /** Results of fewer bytes leave as they are: little is saved on them. @defaultValue 1_024 */
  readonly thresholdBytes?: number;
  /** Results of more bytes leave as they are, too: nothing else happens in the process while one is compressed. @defaultValue 1_048_576 */
  readonly maximumBytes?: number;
  /** From 1, which is fast, to 9, which takes many times as long for a few per cent less. @defaultValue 3 */
  readonly level?: number;
}

const defaults = {
  thresholdBytes: 1_024,
  maximumBytes: 1_048_576,
  level: 3,
} as const satisfies Required<CompressionOptions>;

/** How much work and memory the compression of one text may take, in the terms of zlib. */
export interface DeflateSettings {
  readonly level: number;
  readonly windowBits: number;
  readonly memLevel: number;
}

/** Compresses `bytes` without a header and flushes, so that the last bytes are 00 00 ff ff (`Z_SYNC_FLUSH` of zlib). */
export type RawDeflate = (bytes: Uint8Array, settings: DeflateSettings) => Uint8Array;

/** What was agreed on with the peer of one socket, and what compresses for it. */
export interface SocketCompression {
  /** As {@link UpgradeDecision} has it. */
  readonly windowBits: number;
  readonly deflate: RawDeflate;
}

/** What does what the option says; nothing where that is nothing. Throws {@link UsageError} for what cannot work. */
export function createCompression(
  option: CompressionOptions | boolean = false,
  counters: Counters,
): Compression | undefined {
  if (option === false) return undefined;
  const options = { ...defaults, ...givenNumbers('compression', option === true ? {} : option) };
  if (!Number.isInteger(options.level) || options.level > 9)
    throw new UsageError('compression.level must be a whole number from 1 to 9');
  return new Compression(options, counters);
}

/** The deflaters of one server: one for each size of a window that clients ask for, which all their connections share. */
export class Compression {
  readonly #options: Required<CompressionOptions>;
  readonly #counters: Counters;
  readonly #deflaters = new Map<number, Deflater>();

  constructor(options: Required<CompressionOptions>, counters: Counters) {
    this.#options = options;
    this.#counters = counters;
  }

  deflaterFor({ windowBits, deflate }: SocketCompression): Deflater {
    const known = this.#deflaters.get(windowBits);
    if (known) return known;
    const made = new Deflater({ ...this.#options, windowBits, deflate }, this.#counters);
    this.#deflaters.set(windowBits, made);
    return made;
  }
}

/** The envelope of a protocol, for connections whose results are compressed. */
export interface DeflatedEnvelope extends ResultEnvelope {
  readonly deflater?: Deflater;
}

/** Compresses the texts of results, each by itself: nothing of one is kept for the next. */
export class Deflater {
  readonly #options: Required<CompressionOptions> & SocketCompression;
  readonly #counters: Counters;
  readonly #envelopes = new Map<ResultEnvelope, DeflatedEnvelope>();

  constructor(options: Required<CompressionOptions> & SocketCompression, counters: Counters) {
    this.#options = options;
    this.#counters = counters;
  }

  /** The one that stands for `envelope` here, unless an id of `idBytes` is too long for it. */
  envelopeFor(envelope: ResultEnvelope, idBytes: number): DeflatedEnvelope {
    if (envelope.beforeId.length + idBytes > mostStoredBytes) return envelope;
    const known = this.#envelopes.get(envelope);
    if (known) return known;
    const made = { ...envelope, deflater: this };
    this.#envelopes.set(envelope, made);
    return made;
  }

  /** What `text` becomes, ready to stand behind a head; nothing if that would not save anything, or is not wanted. */
  deflate(text: string): Uint8Array | undefined {
    const { thresholdBytes, maximumBytes, deflate } = this.#options;
    const length = utf8Length(text);
    if (length < thresholdBytes || length > maximumBytes) return undefined;
    const deflated = withoutFlush(deflate(encoder.encode(text), this.#settingsFor(length)));
    if (deflated.length + storedBlockBytes >= length) return undefined;
    this.#counters.compressedResults += 1;
    this.#counters.bytesBeforeCompression += length;
    this.#counters.bytesAfterCompression += deflated.length;
    return deflated;
  }

  /** A short text needs but a small window, and zlib clears all of it for each text. */
  #settingsFor(bytes: number): DeflateSettings {
    const neededBits = Math.max(leastWindowBits, Math.ceil(Math.log2(bytes)));
    const windowBits = Math.min(neededBits, this.#options.windowBits);
    return { level: this.#options.level, windowBits, memLevel: Math.min(8, windowBits - 6) };
  }
}

/** Of zlib. */
const leastWindowBits = 9;

const encoder = new TextEncoder();
