import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

import * as ws from 'ws';

import type { RawDeflate } from '../server/index.ts';
import type { ServedWebSocket } from './node-socket.ts';

/** What `ws` calls to inflate; of its own class as much as is called here. */
interface InflaterLike {
  decompress(bytes: Buffer, isLast: boolean, done: Inflated): void;
  cleanup(): void;
}

type Inflated = (error: Error | null, inflated?: Buffer) => void;

interface PerMessageDeflateLike extends InflaterLike {
  accept(offers: readonly object[]): object;
}

// which the types do not know, and what stands in for `ws` on Bun does not have
const { PerMessageDeflate } = ws as unknown as {
  readonly PerMessageDeflate?: new (options: object) => PerMessageDeflateLike;
};

/** Whether what reads the messages of clients can be told how to inflate them. */
export const canInflate = PerMessageDeflate !== undefined;

/** Of which contexts `ws` keeps none, as what it is asked to agree to says, too. */
export const noContexts = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
} as const;

/** Compresses in the thread of the event loop: the pool of zlib costs more than most results do. */
export const deflateRaw: RawDeflate = (bytes, settings) =>
  deflateRawSync(bytes, {
    ...settings,
    finishFlush: constants.Z_SYNC_FLUSH,
    // for the first piece of what it returns; by default 16 KiB, of which most results would leave most unused
    chunkSize: Math.max(leastChunkBytes, bytes.length >>> 1),
  });

/** That zlib takes. */
const leastChunkBytes = 64;

/** Has the messages of `webSocket`, which agreed to `permessage-deflate`, inflated by what holds nothing between two of them. */
export function inflateWithoutContext(webSocket: ServedWebSocket, messageBytes: number): void {
  // a member that the types do not know; without it, `ws` inflates by itself, and keeps what it needs for that
  const { _extensions: extensions } = webSocket as ServedWebSocket & {
    readonly _extensions?: Record<string, InflaterLike>;
  };
  if (extensions?.[extensionName])
    extensions[extensionName] = new Inflater(webSocket, messageBytes);
}

const extensionName = 'permessage-deflate';

/**
 * Inflates what one client sends, a message at a time.
 *
 * @remarks
 * Most messages are short and come in one piece: these are inflated at once, which takes a tenth of the time that `ws` needs. Everything else is left to
 * what `ws` has: fragments, what grows large, and what cannot be inflated, for which it knows the close codes.
 */
class Inflater implements InflaterLike {
  readonly #webSocket: ServedWebSocket;
  /** 0 for no limit. */
  readonly #messageBytes: number;
  /** Of a message that is under way. */
  #gradual: InflaterLike | undefined;

  constructor(webSocket: ServedWebSocket, messageBytes: number) {
    this.#webSocket = webSocket;
    this.#messageBytes = messageBytes;
  }

  decompress(bytes: Buffer, isLast: boolean, done: Inflated): void {
    const inflated = isLast && !this.#gradual ? this.#inflateAtOnce(bytes) : undefined;
    // `ws` does not expect an answer before it has asked, and others get their turn between two messages
    if (inflated) return void setImmediate(() => this.#answer(done, null, inflated));
    this.#gradual ??= createGradual(this.#messageBytes);
    this.#gradual?.decompress(bytes, isLast, (error, rest) => {
      if (isLast) this.cleanup();
      this.#answer(done, error, rest);
    });
  }

  cleanup(): void {
    this.#gradual?.cleanup();
    this.#gradual = undefined;
  }

  /** Has `ws` read on: this message, and what came behind it. */
  #answer(done: Inflated, error: Error | null, inflated?: Buffer): void {
    this.#webSocket.isLate = true;
    done(error, inflated);
    this.#webSocket.isLate = false;
  }

  #inflateAtOnce(bytes: Buffer): Buffer | undefined {
    const maxOutputLength = Math.min(this.#messageBytes || mostAtOnceBytes, mostAtOnceBytes);
    try {
      return inflateRawSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
    } catch {
      return undefined; // too long or no deflated bytes: said by what is asked next
    }
  }
}

/** More would hold up everybody else. */
const mostAtOnceBytes = 65_536;

function createGradual(maxPayload: number): InflaterLike | undefined {
  const made = PerMessageDeflate && new PerMessageDeflate({ isServer: true, maxPayload });
  made?.accept([{}]);
  return made;
}
