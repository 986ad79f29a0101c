import { utf8Length } from '../protocol/index.ts';
import type { ByteString } from '../protocol/index.ts';
import type { ByteTarget } from './byte-target.ts';
import type { Counters } from './counters.ts';
import type { Flusher } from './flusher.ts';
import { HeldResults } from './held-results.ts';
import type { EffectiveLimits } from './limits.ts';
import type { ResultFrames } from './result-frames.ts';
import type { ResultText } from './result-text.ts';
import { isTolerant } from './slow-consumer.ts';
import type { ResultReader, SlowConsumerPolicy } from './slow-consumer.ts';
import type { TextTarget } from './turn-output.ts';
import { TurnOutput } from './turn-output.ts';

/** What an {@link Outbox} needs of its server. */
export interface OutboxServer {
  readonly flusher: Pick<Flusher, 'add'>;
  readonly counters: Counters;
  readonly slowConsumer: SlowConsumerPolicy;
}

/** What became of something that was to be written; after `too-slow` the connection has to be closed. */
export type Writing = 'sent' | 'too-slow';

/**
 * Bounds what waits for one connection, so that a peer that does not read cannot make the process grow.
 *
 * @remarks
 * What waits is at most the high-water mark and one message more; with what a policy holds twice that; and at most the hard limit, unless a single
 * message is larger than that.
 */
export class Outbox extends TurnOutput {
  readonly #limits: EffectiveLimits;
  readonly #server: OutboxServer | undefined;
  /** Whether a peer that reads slowly keeps its connection: then messages that are no results may wait above the high water. */
  #isTolerant: boolean;
  #held: HeldResults | undefined;
  #waiting: readonly (() => void)[] = nobody;

  /** @param server - without it a target that takes bytes gets them at once */
  constructor(target: TextTarget | ByteTarget, limits: EffectiveLimits, server?: OutboxServer) {
    super(target, server?.flusher);
    this.#limits = limits;
    this.#server = server;
    this.#isTolerant = server !== undefined && isTolerant(server.slowConsumer);
  }

  /** Sends a result of `reader`, whose policy says what happens to it if the peer reads too slowly. */
  deliver(reader: ResultReader, result: ResultText): Writing {
    if (this.#held === undefined && reader.writeTo(this, result) === 'sent') return 'sent';
    return this.#deliverSlowly(reader, result);
  }

  /** Sends what ends the operation of `reader`, behind what waits of its results. */
  end(reader: ResultReader, message: string): Writing {
    if (!this.#held?.has(reader)) return reader.writeEnd(this, message);
    this.#held.holdEnd(reader, message);
    return this.#isBelowHardLimit(0) ? 'sent' : 'too-slow';
  }

  /** Forgets what waits for those that are meant: nobody wants it any more. */
  forget(isMeant: (reader: ResultReader) => boolean): void {
    this.#held?.forget(isMeant);
  }

  /** Sends what waits for room in `other`, which nothing is written to any more. */
  continueFrom(other: Outbox): void {
    this.#held = other.#held;
    other.#held = undefined;
    if (this.#held) this.drained();
    other.release();
  }

  /** Whether results wait for room. */
  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** Sends a piece of a result, or drops it. */
  write(piece: string): Writing {
    const hasRoom = this.takesBytes
      ? this.#hasRoomFor(piece.length)
      : // a character is at most three bytes: only what comes close to the limit has to be measured
        this.#hasRoomFor(3 * piece.length) || this.#hasRoomFor(utf8Length(piece));
    if (!hasRoom) return 'too-slow';
    this.writeAlways(piece);
    return 'sent';
  }

  /** Sends a message that is no result, or drops it. */
  writeMessage(piece: string): Writing {
    if (!this.#isTolerant) return this.write(piece);
    const bytes = this.takesBytes ? piece.length : utf8Length(piece);
    if (!this.#isBelowHardLimit(bytes)) return 'too-slow';
    this.writeAlways(piece);
    return 'sent';
  }

  /** Sends the frame of `id`, or drops it; for targets that take bytes. */
  writeFrames(frames: ResultFrames, id: ByteString): Writing {
    if (!this.#hasRoomFor(frames.lengthFor(id.length))) return 'too-slow';
    this.addFrame(frames, id, this.#crowdedBytes);
    return 'sent';
  }

  /** Sends `head` and then `shared`, which is not copied, or drops them; for targets that take bytes. */
  writeShared(head: ByteString, shared: Uint8Array): Writing {
    if (!this.#hasRoomFor(head.length + shared.length)) return 'too-slow';
    this.addShared(head, shared);
    return 'sent';
  }

  /** Sends `piece` whatever waits: for the few bytes that ask whether anybody reads. */
  writeAlways(piece: string): void {
    this.add(piece, this.#crowdedBytes);
  }

  /** Nobody reads any more: what waits is lost, and nobody waits for room. */
  override discard(): void {
    super.discard();
    this.#held = undefined;
    this.release();
  }

  /** Whether a source that can wait should wait before it adds more. */
  get isCrowded(): boolean {
    this.measure();
    return this.waitingBytes > this.#crowdedBytes;
  }

  /** Resolves once the socket took what waits, or is gone. */
  room(): Promise<void> {
    if (!this.#isListening) this.requestDrained();
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
    this.#held?.release(this);
    if (this.#held?.isEmpty) this.#held = undefined;
    const isRoomy = !this.takesBytes || !this.isCrowded;
    if (isRoomy) this.release();
    if (this.#isListening) this.requestDrained();
  }

  /** Nobody waits for room any more. */
  release(): void {
    const waiting = this.#waiting;
    this.#waiting = nobody;
    for (const resolve of waiting) resolve();
  }

  #deliverSlowly(reader: ResultReader, result: ResultText): Writing {
    const mustWait = this.#held?.has(reader) ?? false;
    if (!mustWait && reader.writeTo(this, result) === 'sent') return 'sent';
    this.#isTolerant ||= isTolerant(reader.policy) && reader.policy !== 'keep';
    const isAboveHighWater = this.waitingBytes > this.#limits.outboxHighWaterBytes;
    if (!this.#isTolerant || !isTolerant(reader.policy) || !(mustWait || isAboveHighWater))
      return 'too-slow';
    this.#countDropped(this.#dropOrHold(reader, result));
    return this.#isBelowHardLimit(0) ? 'sent' : 'too-slow';
  }

  /** Returns how many results were dropped. */
  #dropOrHold(reader: ResultReader, result: ResultText): number {
    const isReport = result.standing === 'report';
    if (reader.policy === 'drop-newest' && !isReport) return this.#dropNewest(reader, result);
    this.#held ??= this.#startHolding();
    return reader.policy === 'latest'
      ? this.#held.holdLatest(reader, result)
      : this.#held.hold(reader, result);
  }

  #dropNewest(reader: ResultReader, result: ResultText): 1 {
    reader.droppedResults += 1;
    if (result.standing === 'resumable') {
      this.#held ??= this.#startHolding();
      this.#held.holdDropped(reader, result);
    }
    return 1;
  }

  #startHolding(): HeldResults {
    if (!this.#isListening) this.requestDrained();
    return new HeldResults(this.#limits.outboxHighWaterBytes);
  }

  #countDropped(results: number): void {
    if (this.#server) this.#server.counters.droppedResults += results;
  }

  /** Whether somebody waits for the system to take what waits. */
  get #isListening(): boolean {
    return this.isAwaited || this.#held !== undefined;
  }

  /** With more than that a source that can wait should: so what a turn collects, which is less, never makes a reader look slow. */
  get #crowdedBytes(): number {
    return this.#limits.outboxHighWaterBytes / 2;
  }

  #hasRoomFor(bytes: number): boolean {
    const { waitingBytes } = this;
    if (waitingBytes === 0) return true;
    const { outboxHighWaterBytes, outboxHardBytes } = this.#limits;
    return waitingBytes <= outboxHighWaterBytes && waitingBytes + bytes <= outboxHardBytes;
  }

  #isBelowHardLimit(bytes: number): boolean {
    const waitingBytes = this.waitingBytes + (this.#held?.bytes ?? 0);
    return waitingBytes === 0 || waitingBytes + bytes <= this.#limits.outboxHardBytes;
  }
}

const nobody: readonly never[] = [];
