import { SourceError } from '../../errors.ts';
import type { Instant } from '../../vocabulary.ts';
import type { EventCodec } from '../remote/event-codec.ts';
import type { HistoryPage, PageRequest } from '../remote/log-history.ts';
import { PageSize } from '../remote/page-size.ts';
import { entryBytes, RemoteLog } from '../remote/remote-log.ts';
import type { RemoteEntry, RemoteLogOptions } from '../remote/remote-log.ts';
import type { MessagePages } from './message-pages.ts';

/** One message of the stream. */
export interface StoredMessage {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly publishedAt: Instant;
  /** Of a marker, which is no event, the message after which there was nothing but markers. */
  readonly quietSince: number | undefined;
}

/** What a {@link NatsLog} is made from. */
export interface NatsLogOptions extends RemoteLogOptions {
  /** When the last message was stored, in milliseconds since 1970. */
  readonly lastAt: Instant;
  /** After this message there have been none but markers. */
  readonly quietSince: number;
  readonly codec: EventCodec;
  readonly pages: MessagePages;
  readonly onInvalidEntry: (error: SourceError) => void;
}

/** The end of one log as this process holds it for its readers; its name is the subject. */
export class NatsLog extends RemoteLog {
  readonly #options: NatsLogOptions;
  readonly #pageSize = new PageSize();
  #lastSequence: number;
  #lastAt: Instant;
  #quietSince: number;
  #turn = { number: 0, mostEvents: 0, bytes: 0 };

  constructor(options: NatsLogOptions) {
    super(options);
    this.#options = options;
    this.#lastSequence = Number(options.lastId);
    this.#lastAt = options.lastAt;
    this.#quietSince = options.quietSince;
  }

  /** Everything up to this message has been read. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** When that was stored, in milliseconds since 1970 on the clock of NATS. */
  get lastAt(): Instant {
    return this.#lastAt;
  }

  /** After this message there have been none but markers. */
  get quietSince(): number {
    return this.#quietSince;
  }

  /**
   * Whether there is room for more in this turn of the event loop.
   *
   * @remarks
   * At most half of what the tail can hold, so that readers who keep up do not lose anything to a burst.
   */
  hasRoom(turn: number): boolean {
    if (this.#turn.number !== turn) {
      const mostEvents = this.tail.nextIndex + Math.max(1, this.limits.events / 2);
      this.#turn = { number: turn, mostEvents, bytes: 0 };
    }
    return (
      this.hasEnded ||
      (this.tail.nextIndex < this.#turn.mostEvents && this.#turn.bytes <= this.limits.bytes / 2)
    );
  }

  /** Adds what follows the last message without a gap; does nothing if it is there already. */
  append(message: StoredMessage): void {
    if (message.sequence <= this.#lastSequence || this.hasEnded) return;
    const entry = this.#decode(message, this.lastId);
    this.#lastSequence = message.sequence;
    this.#lastAt = message.publishedAt;
    this.#quietSince = message.quietSince ?? message.sequence;
    if (entry === undefined) return this.skip(String(message.sequence));
    this.#turn.bytes += entry.bytes;
    this.add(entry);
  }

  /** Up to here there is nothing more. */
  skipTo(sequence: number): void {
    if (sequence <= this.#lastSequence) return;
    this.#lastSequence = sequence;
    this.skip(String(sequence));
  }

  override async readPage({ after, upTo }: PageRequest): Promise<HistoryPage | undefined> {
    const { pages } = this.#options;
    const { count } = this.#pageSize;
    const last = Number(upTo);
    const place = { subject: this.name, epoch: this.epoch, after: Number(after), upTo: last };
    const messages = await pages.read({ ...place, count });
    if (this.hasEnded || messages === undefined) return undefined;
    const wanted = messages.filter(({ sequence }) => sequence <= last);
    this.#pageSize.adapt(
      wanted.length,
      wanted.reduce((bytes, { data }) => bytes + data.byteLength, 0),
    );
    const isFull = wanted.length === count;
    const end = isFull ? wanted.at(-1)?.sequence : undefined;
    return { entries: this.#decodeAll(wanted, after), lastId: end ? String(end) : upTo };
  }

  /** Messages that follow each other, the first of them `previousId`; what is no event is left out. */
  #decodeAll(messages: readonly StoredMessage[], previousId: string): readonly RemoteEntry[] {
    const entries: RemoteEntry[] = [];
    let previous = previousId;
    for (const message of messages) {
      const entry = this.#decode(message, previous);
      if (entry) entries.push(entry);
      previous = String(message.sequence);
    }
    return entries;
  }

  /** `undefined` for what is no event: programs of others may publish anything. */
  #decode(message: StoredMessage, previousId: string): RemoteEntry | undefined {
    if (message.quietSince !== undefined) return undefined;
    const { sequence, data, publishedAt } = message;
    const id = String(sequence);
    try {
      return {
        event: this.#options.codec.decode(data),
        position: this.position(id),
        publishedAt,
        id,
        previousId,
        bytes: entryBytes + 2 * data.byteLength,
      };
    } catch (cause) {
      const error = `message ${id} of ${this.name} is no event`;
      this.#options.onInvalidEntry(new SourceError('SOURCE_FAILED', error, { cause }));
      return undefined;
    }
  }
}
