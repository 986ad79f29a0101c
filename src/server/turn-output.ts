import type { ByteString } from '../protocol/index.ts';
import type { ByteTarget } from './byte-target.ts';
import { takesBytes, takesFrames } from './byte-target.ts';
import type { Flushable, Flusher } from './flusher.ts';
import type { FrameRun } from './frame-batch.ts';
import type { ResultFrames } from './result-frames.ts';

/** What is written to where the runtime frames what is sent. */
export interface TextTarget {
  send(text: string): void;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** What is collected at most before it is written all the same. */
const turnBytes = 65_536;

/**
 * What one connection is sent during a turn of the event loop.
 *
 * @remarks
 * Where the target takes bytes, pieces are byte strings and leave together after the turn; where it takes texts, each leaves at once.
 */
export class TurnOutput implements Flushable {
  /** Whether a piece has to be a byte string. */
  readonly takesBytes: boolean;
  readonly #target: TextTarget | ByteTarget;
  readonly #flusher: Pick<Flusher, 'add'> | undefined;
  /** In order: first what is this connection's own, then what it shares with others. */
  #own: ByteString = '';
  #batch: FrameRun | undefined;
  #batchId: ByteString = '';
  #collectedBytes = 0;
  /** What waited in the target when it was asked last. It is not asked more often than needed: that would cost more than a delivery. */
  #bufferedBytes = 0;
  #isScheduled = false;

  /** @param flusher - without it a target that takes bytes gets them at once */
  constructor(target: TextTarget | ByteTarget, flusher: Pick<Flusher, 'add'> | undefined) {
    this.takesBytes = takesBytes(target);
    this.#target = target;
    this.#flusher = flusher;
  }

  /** Bytes that the operating system has not taken: those of this turn, and what waits in the target. */
  get waitingBytes(): number {
    // what others write between two turns is a pong, or the bytes of our own that waited before
    const mayHaveChanged = this.#bufferedBytes > 0 || !this.takesBytes;
    if (this.#collectedBytes === 0 && mayHaveChanged) this.measure();
    return this.#collectedBytes + this.#bufferedBytes;
  }

  /** Asks the target how much waits in it. */
  measure(): void {
    this.#bufferedBytes = this.targetBytes;
  }

  /** What waits in the target. */
  protected get targetBytes(): number {
    return this.#target.bufferedBytes;
  }

  /** Adds a piece; more than `mostBytes` do not wait for the end of the turn. */
  add(piece: string, mostBytes: number): void {
    const target = this.#target;
    if (!takesBytes(target)) return target.send(piece);
    if (this.#batch !== undefined) this.#own = this.#take();
    this.#own += piece;
    this.#collect(piece.length, mostBytes);
  }

  /** Adds the frame of `id`; for targets that take bytes. */
  addFrame(frames: ResultFrames, id: ByteString, mostBytes: number): void {
    if (this.#batch !== undefined && id === this.#batchId) {
      // connections that get the same as others only walk along the same batches
      this.#batch = this.#batch.followedBy(frames);
    } else {
      if (this.#batch !== undefined) this.#own = this.#take();
      this.#batch = frames;
      this.#batchId = id;
    }
    this.#collect(frames.lengthFor(id.length), mostBytes);
  }

  /** Adds `head` and then `shared`, which is not copied, and writes all; for targets that take bytes. */
  addShared(head: ByteString, shared: Uint8Array): void {
    const target = this.#target;
    if (!takesBytes(target)) return;
    this.#collectedBytes = 0;
    target.writeShared(this.#take() + head, shared);
    this.measure();
  }

  /** For the flusher: the turn is over. */
  flush(): void {
    this.#isScheduled = false;
    this.writePending();
  }

  /** Writes what was collected, if anything. */
  writePending(): void {
    const target = this.#target;
    if (this.#collectedBytes === 0 || !takesBytes(target)) return;
    this.#collectedBytes = 0;
    if (this.#batch !== undefined && this.#own === '') this.#writeBatch(target, this.#batch);
    else target.writeBytes(this.#take());
    this.measure();
  }

  /** Writes what was collected, and asks for `drained` when the operating system has taken all. */
  requestDrained(): void {
    this.writePending();
    const target = this.#target;
    if (takesBytes(target)) target.notifyDrained();
  }

  /** Nobody reads any more: what was collected is lost. */
  discard(): void {
    this.#own = '';
    this.#batch = undefined;
    this.#collectedBytes = 0;
  }

  #collect(bytes: number, mostBytes: number): void {
    this.#collectedBytes += bytes;
    if (this.#collectedBytes >= Math.min(turnBytes, mostBytes) || !this.#flusher)
      return this.writePending();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#flusher.add(this);
  }

  #writeBatch(target: ByteTarget, batch: FrameRun): void {
    this.#batch = undefined;
    const id = this.#batchId;
    const bytes = takesFrames(target) ? batch.bytesFor(id, target) : undefined;
    if (bytes === undefined || !takesFrames(target)) target.writeBytes(batch.textFor(id));
    else if (target.writeReusable(bytes) === 'in-use') batch.keep(id.length);
  }

  #take(): ByteString {
    const taken = this.#own + (this.#batch?.textFor(this.#batchId) ?? '');
    this.#own = '';
    this.#batch = undefined;
    return taken;
  }
}
