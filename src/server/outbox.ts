import { utf8Length } from '../protocol/index.ts';
import type { ByteString } from '../protocol/index.ts';
import type { ByteTarget } from './byte-target.ts';
import { takesBytes } from './byte-target.ts';
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
  readonly #target: TextTarget | ByteTarget;
  readonly #limits: EffectiveLimits;
  readonly #flusher: Flusher | undefined;
  /** Of this turn, in order: first what is this connection's own, then what it shares with others. */
  #pending: ByteString = '';
  #batch: FrameBatch | undefined;
  #batchId: ByteString = '';
  #isScheduled = false;
  #waiting: readonly (() => void)[] = nobody;

  /** @param flusher - without it a target that takes bytes gets them at once */
  constructor(target: TextTarget | ByteTarget, limits: EffectiveLimits, flusher?: Flusher) {
    this.#target = target;
    this.#limits = limits;
    this.#flusher = flusher;
  }

  /** Whether what is written has to be a byte string. */
  get takesBytes(): boolean {
    return takesBytes(this.#target);
  }

  /** Sends `piece`, or says `too-slow` and drops it: the connection has to be closed then. */
  write(piece: string): Writing {
    const waitingBytes = this.#waitingBytes;
    if (waitingBytes > 0 && !this.#hasRoomFor(piece, waitingBytes)) return 'too-slow';
    this.#send(piece);
    return 'sent';
  }

  /** Sends the frame of `id`; for targets that take bytes. */
  writeFrames(frames: ResultFrames, id: ByteString): Writing {
    const waitingBytes = this.#waitingBytes;
    if (waitingBytes > 0 && !this.#hasRoomForBytes(frames.lengthFor(id.length), waitingBytes))
      return 'too-slow';
    this.#addToBatch(frames, id);
    this.#schedule();
    return 'sent';
  }

  /** Sends `head` and then `shared`, which is not copied; for targets that take bytes. */
  writeShared(head: ByteString, shared: Uint8Array): Writing {
    const waitingBytes = this.#waitingBytes;
    if (waitingBytes > 0 && !this.#hasRoomForBytes(head.length + shared.length, waitingBytes))
      return 'too-slow';
    const target = this.#target;
    if (takesBytes(target)) target.writeShared(this.#takePending() + head, shared);
    return 'sent';
  }

  /** Sends `piece` whatever waits: for the few bytes that ask whether anybody reads. */
  writeAlways(piece: string): void {
    this.#send(piece);
  }

  /** For the flusher: the turn is over. */
  flush(): void {
    this.#isScheduled = false;
    this.writePending();
  }

  /** Writes what was collected, if anything. */
  writePending(): void {
    const target = this.#target;
    if (!takesBytes(target)) return;
    if (this.#batch !== undefined && this.#pending === '') this.#writeBatch(target, this.#batch);
    else if (this.#pendingBytes > 0) target.writeBytes(this.#takePending());
  }

  /** Nobody reads any more: what was collected is lost, and nobody waits for room. */
  discard(): void {
    this.#pending = '';
    this.#batch = undefined;
    this.release();
  }

  /** Whether a source that can wait should wait before it adds more. */
  get isCrowded(): boolean {
    return this.#waitingBytes > this.#limits.outboxHighWaterBytes / 2;
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

  get #waitingBytes(): number {
    return this.#pendingBytes + this.#target.bufferedBytes;
  }

  get #pendingBytes(): number {
    const batchBytes = this.#batch?.lengthFor(this.#batchId.length) ?? 0;
    return this.#pending.length + batchBytes;
  }

  #send(piece: string): void {
    const target = this.#target;
    if (!takesBytes(target)) return target.send(piece);
    this.#pending = this.#takePending() + piece;
    this.#schedule();
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

  #schedule(): void {
    if (this.#pendingBytes >= this.#turnBytes) return this.writePending();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#flusher?.add(this);
  }

  #writeBatch(target: ByteTarget, batch: FrameBatch): void {
    this.#batch = undefined;
    const bytes = batch.bytesFor(this.#batchId, target);
    if (target.writeReusable(bytes) === 'in-use') batch.keep();
  }

  /** What is collected must not make a reader look slow that is not. */
  get #turnBytes(): number {
    return this.#flusher ? Math.min(turnBytes, this.#limits.outboxHighWaterBytes / 2) : 0;
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

  #hasRoomForBytes(bytes: number, waitingBytes: number): boolean {
    const { outboxHighWaterBytes, outboxHardBytes } = this.#limits;
    return waitingBytes <= outboxHighWaterBytes && waitingBytes + bytes <= outboxHardBytes;
  }

  #hasRoomFor(piece: string, waitingBytes: number): boolean {
    const { outboxHighWaterBytes, outboxHardBytes } = this.#limits;
    if (waitingBytes > outboxHighWaterBytes) return false;
    // a character is at most three bytes: only what comes close to the limit has to be measured
    return (
      waitingBytes + 3 * piece.length <= outboxHardBytes ||
      waitingBytes + (this.takesBytes ? piece.length : utf8Length(piece)) <= outboxHardBytes
    );
  }
}

const nobody: readonly never[] = [];
