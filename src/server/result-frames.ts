import {
  byteStringOf,
  deflatedHead,
  isAscii,
  plainHead,
  tailOf,
  toByteString,
} from '../protocol/index.ts';
import type { ByteString, ResultEnvelope } from '../protocol/index.ts';
import type { DeflatedEnvelope } from './compression.ts';
import type { FrameTarget } from './byte-target.ts';
import { FrameBatch } from './frame-batch.ts';
import type { FrameRun } from './frame-batch.ts';
import type { Outbox, Writing } from './outbox.ts';

/** Characters of a result from which on it is written by reference: joining and copying it for each client would cost more than a second buffer. */
export const largeResultLength = 16_384;

/** The WebSocket frames of a result in `envelope`, compressed if that has a deflater which finds it worth while. */
export function framesOf(
  envelope: DeflatedEnvelope,
  resultText: string,
): ResultFrames | LargeResultFrames {
  const tail = tailOf(envelope, resultText);
  const deflated = envelope.deflater?.deflate(tail);
  if (deflated) {
    return deflated.length < largeResultLength
      ? new ResultFrames(envelope, byteStringOf(deflated), deflatedHead)
      : new LargeResultFrames(envelope, deflated, deflatedHead);
  }
  return resultText.length < largeResultLength
    ? new ResultFrames(
        envelope,
        isPlain(envelope, resultText) ? tail : toByteString(tail),
        plainHead,
      )
    : new LargeResultFrames(envelope, new TextEncoder().encode(tail), plainHead);
}

/** Whether a frame has the characters of the text: asked of the text, because looking into a longer one that is made of it copies that. */
function isPlain({ rewrite }: ResultEnvelope, resultText: string): boolean {
  return rewrite === undefined && isAscii(resultText);
}

/** Writes what stands before an id of `idBytes` in a frame. */
type HeadWriter = (beforeId: ByteString, idBytes: number, tailBytes: number) => ByteString;

/**
 * The WebSocket frames of one result for all who get it in the same envelope.
 *
 * @remarks
 * Everything behind the id is made once, the head once per length of an id, and frames of the same id once.
 */
export class ResultFrames implements FrameRun {
  readonly envelope: ResultEnvelope;
  /** Behind the id. */
  readonly tail: ByteString;
  readonly #headBeforeId: HeadWriter;
  #headIdBytes = -1;
  #head: ByteString = '';
  #id: ByteString | undefined;
  #frame: ByteString = '';
  #batch: FrameBatch | undefined;
  /** The length of the id for which bytes were asked first, while there is no batch. */
  #firstIdBytes = -1;

  constructor(envelope: ResultEnvelope, tail: ByteString, headBeforeId: HeadWriter) {
    this.envelope = envelope;
    this.tail = tail;
    this.#headBeforeId = headBeforeId;
  }

  /** Writes the frame of `id`, as {@link ResultFrames.textFor} makes it. */
  writeTo(outbox: Outbox, id: ByteString): Writing {
    return outbox.writeFrames(this, id);
  }

  /** @param id - as `toIdText` and `toByteString` write it */
  textFor(id: ByteString): ByteString {
    if (id === this.#id) return this.#frame;
    this.#id = id;
    // three pieces that whoever writes them joins; identical ids get the same string, which is joined at its first write
    this.#frame = this.headFor(id.length) + id + this.tail;
    return this.#frame;
  }

  bytesFor(id: ByteString, target: Pick<FrameTarget, 'allocate'>): Uint8Array | undefined {
    if (this.#batch !== undefined) return this.#batch.bytesFor(id, target);
    if (this.#firstIdBytes === -1) {
      this.#firstIdBytes = id.length;
      return undefined;
    }
    const batch = this.#asBatch();
    batch.keep(this.#firstIdBytes); // as after the first who asked for them
    return batch.bytesFor(id, target);
  }

  keep(idBytes: number): void {
    this.#batch?.keep(idBytes);
  }

  followedBy(frames: ResultFrames): FrameBatch {
    return this.#asBatch().followedBy(frames);
  }

  /** What stands before an id of `idBytes`. */
  headFor(idBytes: number): ByteString {
    if (idBytes !== this.#headIdBytes) {
      this.#headIdBytes = idBytes;
      this.#head = this.#headBeforeId(this.envelope.beforeId, idBytes, this.tail.length);
    }
    return this.#head;
  }

  /** Bytes of the whole frame of an id of `idBytes`. */
  lengthFor(idBytes: number): number {
    return this.headFor(idBytes).length + idBytes + this.tail.length;
  }

  /** Made for the second who asks: most results that nobody shares have one. */
  #asBatch(): FrameBatch {
    this.#batch ??= new FrameBatch(this);
    return this.#batch;
  }
}

/** The WebSocket frames of a result that is too long to be copied for each client: a head of its own for each, then bytes that all share. */
export class LargeResultFrames {
  readonly envelope: ResultEnvelope;
  /** Behind the id; nobody writes into it. */
  readonly tail: Uint8Array;
  readonly #headBeforeId: HeadWriter;

  constructor(envelope: ResultEnvelope, tail: Uint8Array, headBeforeId: HeadWriter) {
    this.envelope = envelope;
    this.tail = tail;
    this.#headBeforeId = headBeforeId;
  }

  /** Writes the frame of `id`. */
  writeTo(outbox: Outbox, id: ByteString): Writing {
    return outbox.writeShared(this.head(id), this.tail);
  }

  /** Bytes of the whole frame of an id of `idBytes`. */
  lengthFor(idBytes: number): number {
    return this.head(' '.repeat(idBytes)).length + this.tail.length;
  }

  /** What stands before {@link LargeResultFrames.tail}; `id` as for {@link ResultFrames.textFor}. */
  head(id: ByteString): ByteString {
    return this.#headBeforeId(this.envelope.beforeId, id.length, this.tail.length) + id;
  }
}
