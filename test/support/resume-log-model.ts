import { estimateBytes } from '../../src/broker/estimate-bytes.ts';
import type { Instant, Position } from '../../src/vocabulary.ts';
import type { EventKind } from './resume-acts.ts';

/** A published event. */
export interface Published {
  /** Over all logs. */
  readonly n: number;
  readonly kind: EventKind;
  readonly epoch: string;
  /** In the log of its epoch, from 1. */
  readonly offset: number;
  readonly at: Instant;
}

/** What a log holds. */
export interface Retention {
  readonly events: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/** What a log of the memory broker holds and what it has lost, in the plainest way: of all that was published, whatever is not too much. */
export class ResumeLogModel {
  readonly epoch: string;
  /** What was the head when somebody began to read. */
  readonly openings = new Set<number>();
  readonly #retention: Retention;
  readonly #published: Published[] = [];
  readonly #bytes: number[] = [];
  /** Offset of the oldest event that is held. */
  #earliest = 1;

  constructor(epoch: string, retention: Retention) {
    this.epoch = epoch;
    this.#retention = retention;
  }

  get head(): number {
    return this.#published.length;
  }

  /** Of all, those that are not held any more included. */
  get published(): readonly Published[] {
    return this.#published;
  }

  at(offset: number): Published | undefined {
    return this.#published[offset - 1];
  }

  append({ n, kind, at }: Pick<Published, 'n' | 'kind' | 'at'>, event: unknown): Published {
    const published = { n, kind, epoch: this.epoch, offset: this.head + 1, at };
    this.#published.push(published);
    this.#bytes.push(estimateBytes(event));
    const { events, bytes } = this.#retention;
    while (
      this.#earliest < this.head &&
      (this.head - this.#earliest + 1 > events || this.#heldBytes > bytes)
    )
      this.#earliest += 1;
    this.forgetOld(at);
    return published;
  }

  /** Somebody begins to read, and finds out what is too old. */
  open(now: Instant): void {
    this.forgetOld(now);
    this.openings.add(this.head);
  }

  /** Readers and publishers find out what is too old. */
  forgetOld(now: Instant): void {
    while (this.#isTooOld(this.at(this.#earliest), now)) this.#earliest += 1;
  }

  /** Whether nothing after `offset` has left. */
  holdsAfter(offset: number): boolean {
    return offset + 1 >= this.#earliest;
  }

  /** Whether somebody who was at `position` can go on without missing anything. */
  canResume({ epoch, offset }: Pick<Position, 'epoch'> & { readonly offset: number }): boolean {
    return epoch === this.epoch && this.holdsAfter(offset) && offset <= this.head;
  }

  get #heldBytes(): number {
    return this.#bytes.slice(this.#earliest - 1).reduce((sum, bytes) => sum + bytes, 0);
  }

  #isTooOld(event: Published | undefined, now: Instant): boolean {
    return event !== undefined && event.at < now - this.#retention.ageMs;
  }
}
