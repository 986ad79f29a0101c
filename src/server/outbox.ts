import { utf8Length } from '../protocol/index.ts';
import type { EffectiveLimits } from './limits.ts';

/** What an {@link Outbox} writes to. */
export interface OutboxTarget {
  send(text: string): void;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/**
 * Counts what a socket has not sent yet, so that a peer that does not read cannot make the process grow.
 *
 * @remarks
 * What waits in one socket is at most the high-water mark and one message more, and at most the hard limit unless a single
 * message is larger than that.
 */
export class Outbox {
  readonly #target: OutboxTarget;
  readonly #limits: EffectiveLimits;
  #waiting: (() => void)[] = [];

  constructor(target: OutboxTarget, limits: EffectiveLimits) {
    this.#target = target;
    this.#limits = limits;
  }

  /** Sends `frame`, or says `too-slow` and drops it: the connection has to be closed then. */
  write(frame: string): 'sent' | 'too-slow' {
    const waitingBytes = this.#target.bufferedBytes;
    if (waitingBytes > 0 && !this.#hasRoomFor(frame, waitingBytes)) return 'too-slow';
    this.#target.send(frame);
    return 'sent';
  }

  #hasRoomFor(frame: string, waitingBytes: number): boolean {
    const { outboxHighWaterBytes, outboxHardBytes } = this.#limits;
    if (waitingBytes > outboxHighWaterBytes) return false;
    // a character is at most three bytes: only what comes close to the limit has to be measured
    return (
      waitingBytes + 3 * frame.length <= outboxHardBytes ||
      waitingBytes + utf8Length(frame) <= outboxHardBytes
    );
  }

  /** Whether a source that can wait should wait before it adds more. */
  get isCrowded(): boolean {
    return this.#target.bufferedBytes > this.#limits.outboxHighWaterBytes / 2;
  }

  /** Resolves once the socket took what waits, or is gone. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether somebody waits for {@link Outbox.room}. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** The socket took what was waiting, or is gone. */
  drained(): void {
    if (!this.isAwaited) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
