import type { Instant, Position } from '../vocabulary.ts';
import { estimateBytes } from './estimate-bytes.ts';
import { LogTail } from './log-tail.ts';
import type { LogTailLimits, TailEntry } from './log-tail.ts';
import { RecencyNode } from './recency-list.ts';
import type { LogEntry } from './types.ts';

/** What a {@link MemoryLog} is made from. */
export interface MemoryLogOptions {
  readonly topic: string;
  readonly key: string;
  readonly epoch: string;
  readonly limits: Required<LogTailLimits>;
  /** Offset of the first event; offsets are counted on without gaps. */
  readonly firstOffset: number;
}

/** Where reading begins. */
export interface ReadStart {
  /** Nothing after the asked position is missing. */
  readonly complete: boolean;
  readonly index: number;
}

/** One log of the memory broker: a tail whose indices are the offsets, and the ids of idempotent publications. */
export class MemoryLog {
  readonly topic: string;
  readonly key: string;
  readonly tail: LogTail<MemoryEntry>;
  /** This log's place among those without readers. */
  readonly idleNode: RecencyNode<MemoryLog> = new RecencyNode<MemoryLog>(this);
  /** This log's place among those that hold events. */
  readonly holdingNode: RecencyNode<MemoryLog> = new RecencyNode<MemoryLog>(this);
  readerCount = 0;
  readonly #origin: LogOrigin;
  /** Indices of events by idempotency id, oldest first; made when the first id is used. */
  #ids: Map<string, number> | undefined;

  constructor(options: MemoryLogOptions) {
    this.topic = options.topic;
    this.key = options.key;
    this.#origin = { epoch: options.epoch, firstAt: undefined };
    this.tail = new LogTail<MemoryEntry>(options.limits, options.firstOffset);
  }

  get isEmpty(): boolean {
    return this.tail.firstIndex === this.tail.nextIndex;
  }

  get headOffset(): number {
    return this.tail.nextIndex - 1;
  }

  get head(): Position {
    return { epoch: this.#origin.epoch, offset: String(this.headOffset) };
  }

  get earliest(): Position | undefined {
    return this.tail.at(this.tail.firstIndex)?.position;
  }

  append(event: unknown, publishedAt: Instant, idempotencyId?: string): Position {
    const index = this.tail.nextIndex;
    const bytes =
      estimateBytes(event) + (idempotencyId === undefined ? 0 : estimateBytes(idempotencyId));
    const origin = this.#origin;
    origin.firstAt ??= publishedAt;
    const age = publishedAt - origin.firstAt;
    const entry = new MemoryEntry(origin, { event, index, age, bytes });
    this.tail.append(entry);
    if (idempotencyId !== undefined) {
      this.#ids ??= new Map();
      this.#ids.set(idempotencyId, index);
    }
    this.#forgetRemovedIds();
    return entry.position;
  }

  /** The position of the event that was published with `idempotencyId`, while it is held. */
  published(idempotencyId: string): Position | undefined {
    const index = this.#ids?.get(idempotencyId);
    return index === undefined ? undefined : this.tail.at(index)?.position;
  }

  startAfter(after: Position | undefined): ReadStart {
    const head = this.tail.nextIndex;
    if (after === undefined) return { complete: true, index: head };
    const index = toOffset(after.offset) + 1;
    const isHeld = index >= this.tail.firstIndex && index <= head;
    return after.epoch === this.#origin.epoch && isHeld
      ? { complete: true, index }
      : { complete: false, index: head };
  }

  /** Ids leave with their events, so there are never more of them. */
  #forgetRemovedIds(): void {
    if (this.#ids === undefined) return;
    for (const [id, index] of this.#ids) {
      if (index >= this.tail.firstIndex) return;
      this.#ids.delete(id);
    }
  }
}

/** What the entries of a log count from; they keep this and not their log. */
interface LogOrigin {
  readonly epoch: string;
  /** When the first event was published. Entries have the time since then: a small number, which takes no memory of its own. */
  firstAt: Instant | undefined;
}

/** An entry whose position is made when somebody asks: most are never asked, and all are held for a while. */
class MemoryEntry implements LogEntry, TailEntry {
  readonly event: unknown;
  readonly bytes: number;
  readonly #origin: LogOrigin;
  readonly #index: number;
  /** Milliseconds since the first event of the log. */
  readonly #age: number;

  constructor(origin: LogOrigin, { event, bytes, index, age }: MemoryEntryParts) {
    this.event = event;
    this.bytes = bytes;
    this.#origin = origin;
    this.#index = index;
    this.#age = age;
  }

  get publishedAt(): Instant {
    return (this.#origin.firstAt ?? 0) + this.#age;
  }

  get position(): Position {
    return { epoch: this.#origin.epoch, offset: String(this.#index) };
  }
}

interface MemoryEntryParts {
  readonly event: unknown;
  readonly bytes: number;
  readonly index: number;
  readonly age: number;
}

/** NaN, which is in no range, for what no log of this broker issued. */
function toOffset(text: string): number {
  const offset = Number(text);
  return String(offset) === text ? offset : Number.NaN;
}
