import type { Outbox, Writing } from './outbox.ts';
import type { ResultText } from './result-text.ts';
import { DroppedRange } from './resume/dropped-range.ts';
import type { ResultReader } from './slow-consumer.ts';

/** What has to wait, and for whom. */
type Held =
  | {
      readonly kind: 'result';
      readonly reader: ResultReader;
      result: ResultText;
      bytes: number;
      /** What it took the place of, for a client that is told. */
      replaced?: DroppedRange;
    }
  /** Results were dropped here, of a client that is told. */
  | { readonly kind: 'dropped'; readonly reader: ResultReader; readonly range: DroppedRange }
  /** What ends the operation. */
  | { readonly kind: 'end'; readonly reader: ResultReader; readonly message: string };

type HeldResult = Extract<Held, { readonly kind: 'result' }>;

/** What the announcement of dropped results counts: about two tokens. */
const announcementBytes = 512;

/** A queue of which so much was dropped is made anew: a peer may stop reading for good. */
const mostHoles = 1_024;

/**
 * Results that a connection is still to be sent, in order, with the ends of their operations. There is one only while a peer reads too slowly.
 *
 * @remarks
 * Above `maximumBytes` the oldest results whose policy is `drop-oldest` make room for newer ones; the one that came last stays. Whoever holds more than
 * that is judged by the hard limit.
 */
export class HeldResults {
  readonly #maximumBytes: number;
  /** In order; what was dropped leaves a hole. */
  #queue: (Held | undefined)[] = [];
  readonly #newest = new Map<ResultReader, HeldResult>();
  /** Of those whose dropped results are to be announced. */
  readonly #dropped = new Map<ResultReader, DroppedRange>();
  /** Nothing that may be dropped stands before it. */
  #oldest = 0;
  #bytes = 0;

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  /** Of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Whether results of `reader`, or word of dropped ones, wait: its later ones have to wait, too. */
  has(reader: ResultReader): boolean {
    return this.#newest.has(reader) || this.#dropped.has(reader);
  }

  /** Holds the announcement that a result behind what waits was dropped. */
  holdDropped(reader: ResultReader, result: ResultText): void {
    const range = this.#dropped.get(reader) ?? this.#announce(reader, this.#queue.length);
    range.add(result);
  }

  /** Holds a result behind what waits; returns how many were dropped for it. */
  hold(reader: ResultReader, result: ResultText): number {
    return this.#add({ kind: 'result', reader, result, bytes: reader.bytesOf(result) });
  }

  /** Holds a result in place of the one that waits, if one does; returns how many were dropped for it. */
  holdLatest(reader: ResultReader, result: ResultText): number {
    const bytes = reader.bytesOf(result);
    const waiting = this.#newest.get(reader);
    if (!waiting || waiting.result.standing === 'report' || result.standing === 'report') {
      return this.#add({ kind: 'result', reader, result, bytes });
    }
    if (waiting.result.standing === 'resumable') this.#replace(waiting);
    this.#bytes += bytes - waiting.bytes;
    waiting.result = result;
    waiting.bytes = bytes;
    reader.droppedResults += 1;
    return 1 + this.#makeRoomFor(waiting);
  }

  /** Holds what ends an operation whose results wait. */
  holdEnd(reader: ResultReader, message: string): void {
    this.#queue.push({ kind: 'end', reader, message });
    this.#bytes += message.length;
  }

  /** Forgets what waits for those that are meant: it is of no use any more. */
  forget(isMeant: (reader: ResultReader) => boolean): void {
    for (const [index, held] of this.#queue.entries()) {
      if (held !== undefined && isMeant(held.reader)) this.#remove(held, index);
    }
    if (this.#queue.every((held) => held === undefined)) this.#queue = [];
  }

  /** Writes what `outbox` has room for, in order. */
  release(outbox: Outbox): void {
    for (const [index, held] of this.#queue.entries()) {
      if (held === undefined) continue;
      if (this.#write(held, outbox) === 'too-slow') return this.#startAt(index);
      this.#remove(held, index);
    }
    this.#startAt(this.#queue.length);
  }

  #write(held: Held, outbox: Outbox): Writing {
    const { reader } = held;
    switch (held.kind) {
      case 'end':
        return reader.writeEnd(outbox, held.message);
      case 'dropped':
        return reader.writeTo(outbox, held.range.toResult());
      case 'result':
        return this.#announceReplaced(held, outbox) === 'too-slow'
          ? 'too-slow'
          : reader.writeTo(outbox, held.result);
    }
  }

  #announceReplaced(held: HeldResult, outbox: Outbox): Writing {
    const { reader, replaced } = held;
    if (!replaced) return 'sent';
    const writing = reader.writeTo(outbox, replaced.toResult());
    if (writing === 'sent') {
      delete held.replaced;
      this.#bytes -= announcementBytes;
    }
    return writing;
  }

  #replace(waiting: HeldResult): void {
    if (!waiting.replaced) this.#bytes += announcementBytes;
    waiting.replaced ??= new DroppedRange();
    waiting.replaced.add(waiting.result);
  }

  /** Announces at `index` of the queue what is dropped there. */
  #announce(reader: ResultReader, index: number): DroppedRange {
    const range = new DroppedRange();
    this.#queue[index] = { kind: 'dropped', reader, range };
    this.#dropped.set(reader, range);
    this.#bytes += announcementBytes;
    return range;
  }

  #add(held: HeldResult): number {
    if (held.reader.policy === 'drop-newest') this.#closeRangeAt(held);
    this.#queue.push(held);
    this.#newest.set(held.reader, held);
    this.#bytes += held.bytes;
    return this.#makeRoomFor(held);
  }

  #makeRoomFor(newcomer: HeldResult): number {
    let dropped = 0;
    for (; this.#bytes > this.#maximumBytes && this.#oldest < this.#queue.length; this.#oldest++) {
      const held = this.#queue[this.#oldest];
      if (held === newcomer) break;
      if (held?.kind !== 'result') continue;
      this.#closeRangeAt(held);
      if (!mayBeDropped(held)) continue;
      this.#drop(held, this.#oldest);
      dropped += 1;
    }
    if (this.#oldest > mostHoles) this.#closeHoles();
    return dropped;
  }

  /** What is dropped behind a report is another range. */
  #closeRangeAt({ reader, result }: HeldResult): void {
    if (result.standing === 'report') this.#dropped.delete(reader);
  }

  #drop(held: HeldResult, index: number): void {
    const { reader, result } = held;
    this.#remove(held, index);
    reader.droppedResults += 1;
    if (result.standing !== 'resumable') return;
    const range = this.#dropped.get(reader) ?? this.#announce(reader, index);
    range.add(result);
  }

  #closeHoles(): void {
    this.#queue = this.#queue.filter((held) => held !== undefined);
    this.#oldest = 0;
  }

  #remove(held: Held, index: number): void {
    this.#queue[index] = undefined;
    this.#bytes -= sizeOf(held);
    if (held.kind === 'dropped' && this.#dropped.get(held.reader) === held.range) {
      this.#dropped.delete(held.reader);
    }
    if (this.#newest.get(held.reader) === held) this.#newest.delete(held.reader);
  }

  #startAt(index: number): void {
    this.#queue = this.#queue.slice(index);
    this.#oldest = Math.max(0, this.#oldest - index);
  }
}

function mayBeDropped({ reader, result }: HeldResult): boolean {
  return reader.policy === 'drop-oldest' && result.standing !== 'report';
}

function sizeOf(held: Held): number {
  switch (held.kind) {
    case 'end':
      return held.message.length;
    case 'dropped':
      return announcementBytes;
    case 'result':
      return held.bytes + (held.replaced ? announcementBytes : 0);
  }
}
