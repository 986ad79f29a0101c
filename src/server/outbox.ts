import { utf8Length } from '../protocol/index.ts';
import type { ByteString } from '../protocol/index.ts';
import type { ByteTarget } from './byte-target.ts';
import { takesBytes, takesFrames } from './byte-target.ts';
import type { Flushable, Flusher } from './flusher.ts';
import type { FrameBatch } from './frame-batch.ts';
import type { EffectiveLimits } from './limits.ts';
import type { ResultFrames } from './result-frames.ts';

/** What an {@link Outbox} writes to where the runtime frames what is sent. */
export interface TextTarget {
  send(text: string): void;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** What became of something that was to be written. */
export type Writing = 'sent' | 'too-slow';

/** What is collected during a turn before it is written all the same. */
const turnBytes = 65_536;

/**
 * Collects what one connection is to be sent during a turn of the event loop, and counts what its socket has not sent yet, so that a peer that does
 * not read cannot make the process grow.
 *
 * @remarks
 * What is written are byte strings where the target takes bytes, and they leave together after the turn; where it takes texts, each leaves at once.
 * What waits is at most the high-water mark and one message more, and at most the hard limit unless a single message is larger than that.
 */
export class Outbox implements Flushable {
  /** Whether what is written has to be a byte string. */
  readonly takesBytes: boolean;
  readonly #target: TextTarget | ByteTarget;
  readonly #limits: EffectiveLimits;
  readonly #flusher: Flusher | undefined;
  /** Of this turn, in order: first what is this connection's own, then what it shares with others. */
  #pending: ByteString = '';
  #batch: FrameBatch | undefined;
  #batchId: ByteString = '';
  /** Bytes of both. */
  #collectedBytes = 0;
  /** What waited in the target when it was asked last. It is not asked more often than needed: that would cost more than a delivery. */
  #bufferedBytes = 0;
  #isScheduled = false;
  #waiting: readonly (() => void)[] = nobody;

  /** @param flusher - without it a target that takes bytes gets them at once */
  constructor(target: TextTarget | ByteTarget, limits: EffectiveLimits, flusher?: Flusher) {
    this.takesBytes = takesBytes(target);
    this.#target = target;
    this.#limits = limits;
    this.#flusher = flusher;
  }

  /** Sends `piece`, or says `too-slow` and drops it: the connection has to be closed then. */
  write(piece: string): Writing {
    const hasRoom = this.takesBytes
      ? this.#hasRoomFor(piece.length)
      : // a character is at most three bytes: only what comes close to the limit has to be measured
        this.#hasRoomFor(3 * piece.length) || this.#hasRoomFor(utf8Length(piece));
    if (!hasRoom) return 'too-slow';
    this.writeAlways(piece);
    return 'sent';
  }

  /** Sends the frame of `id`; for targets that take bytes. */
  writeFrames(frames: ResultFrames, id: ByteString): Writing {
    const bytes = frames.lengthFor(id.length);
    if (!this.#hasRoomFor(bytes)) return 'too-slow';
    this.#addToBatch(frames, id);
    this.#collect(bytes);
    return 'sent';
  }

  /** Sends `head` and then `shared`, which is not copied; for targets that take bytes. */
  writeShared(head: ByteString, shared: Uint8Array): Writing {
    if (!this.#hasRoomFor(head.length + shared.length)) return 'too-slow';
    const target = this.#target;
    if (!takesBytes(target)) return 'sent';
    this.#collectedBytes = 0;
    target.writeShared(this.#takePending() + head, shared);
    this.#measure();
    return 'sent';
  }

  /** Sends `piece` whatever waits: for the few bytes that ask whether anybody reads. */
  writeAlways(piece: string): void {
    const target = this.#target;
    if (!takesBytes(target)) return target.send(piece);
    if (this.#batch !== undefined) this.#pending = this.#takePending();
    this.#pending += piece;
    this.#collect(piece.length);
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
    if (this.#batch !== undefined && this.#pending === '') this.#writeBatch(target, this.#batch);
    else target.writeBytes(this.#takePending());
    this.#measure();
  }

  /** Nobody reads any more: what was collected is lost, and nobody waits for room. */
  discard(): void {
    this.#pending = '';
    this.#batch = undefined;
    this.#collectedBytes = 0;
    this.release();
  }

  /** Whether a source that can wait should wait before it adds more. */
  get isCrowded(): boolean {
    const waitingBytes = this.#collectedBytes + this.#target.bufferedBytes;
    return waitingBytes > this.#limits.outboxHighWaterBytes / 2;
  }

  /** Resolves once the socket took what waits, or is gone. */
  room(): Promise<void> {
    if (!this.isAwaited) this.#askForRoom();
    return new Promise((resolve) => {
      this.#waiting = [...this.#waiting, resolve];
    });
  }

  /** Whether somebody waits for {@link Outbox.room}. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** The socket took what was waiting. */
  drained(): void {
    if (this.isAwaited && this.takesBytes && this.isCrowded) return this.#askForRoom();
    this.release();
  }

  /** Nobody waits for room any more. */
  release(): void {
    const waiting = this.#waiting;
    this.#waiting = nobody;
    for (const resolve of waiting) resolve();
  }

  #hasRoomFor(bytes: number): boolean {
    // what bytes were written by others since then are the few of a pong
    const mayHaveChanged = this.#bufferedBytes > 0 || !this.takesBytes;
    if (this.#collectedBytes === 0 && mayHaveChanged) this.#measure();
    const waitingBytes = this.#collectedBytes + this.#bufferedBytes;
    if (waitingBytes === 0) return true;
    const { outboxHighWaterBytes, outboxHardBytes } = this.#limits;
    return waitingBytes <= outboxHighWaterBytes && waitingBytes + bytes <= outboxHardBytes;
  }

  #measure(): void {
    this.#bufferedBytes = this.#target.bufferedBytes;
  }

  /** Connections that get the same as others only walk along the same batches. */
  #addToBatch(frames: ResultFrames, id: ByteString): void {
    if (this.#batch !== undefined && id === this.#batchId) {
      this.#batch = this.#batch.followedBy(frames);
      return;
    }
    if (this.#batch !== undefined) this.#pending = this.#takePending();
    this.#batch = frames.batch;
    this.#batchId = id;
  }

  #collect(bytes: number): void {
    this.#collectedBytes += bytes;
    if (this.#collectedBytes >= this.#turnBytes) return this.writePending();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#flusher?.add(this);
  }

  /** What is collected must not make a reader look slow that is not. */
  get #turnBytes(): number {
    return this.#flusher ? Math.min(turnBytes, this.#limits.outboxHighWaterBytes / 2) : 0;
  }

  #writeBatch(target: ByteTarget, batch: FrameBatch): void {
    this.#batch = undefined;
    const id = this.#batchId;
    const bytes = takesFrames(target) ? batch.bytesFor(id, target) : undefined;
    if (bytes === undefined || !takesFrames(target)) target.writeBytes(batch.textFor(id));
    else if (target.writeReusable(bytes) === 'in-use') batch.keep(id.length);
  }

  #takePending(): ByteString {
    const pending = this.#pending + (this.#batch?.textFor(this.#batchId) ?? '');
    this.#pending = '';
    this.#batch = undefined;
    return pending;
  }

  #askForRoom(): void {
    this.writePending();
    const target = this.#target;
    if (takesBytes(target)) target.notifyDrained();
  }
}

const nobody: readonly never[] = [];
