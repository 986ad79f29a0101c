import type { StoredMsg } from '@nats-io/jetstream';

import { SourceError } from '../../errors.ts';
import type { Instant } from '../../vocabulary.ts';
import type { LogLook } from '../remote/log-readers.ts';
import type { NatsLink } from './connection.ts';
import { markerHeaders, quietSinceOf } from './markers.ts';
import type { NatsLog } from './nats-log.ts';
import { SharedAnswer } from './shared-answers.ts';
import { isApiError, isStreamMissing } from './stream.ts';
import type { NatsStream } from './stream.ts';

/** A log as it was at one moment after somebody asked. */
export interface NatsLook extends LogLook {
  /** When the last message was stored, in milliseconds since 1970 on the clock of NATS. */
  readonly lastAt: Instant;
  /** After this message there have been none but markers. */
  readonly quietSince: number;
}

interface LogView extends Omit<NatsLook, 'isHeld'> {
  /** Everything after a position from here on is held. */
  readonly heldFrom: number;
  /** Of the stream. */
  readonly lastSequence: number;
}

/** What {@link LogLooks} are made from. */
export interface LogLooksOptions {
  readonly link: NatsLink;
  readonly stream: NatsStream;
}

const wrongLastSequence = 10_071;

/** Looks at a log that changes all the time. */
const attempts = 10;

/**
 * Looks at logs in NATS.
 *
 * @remarks
 * Messages leave a log from its beginning. So everything after a position is held as long as its own message is, or an older one; and every
 * position has to be one of a message. Where a log has none its head is a marker; where its last message is about to leave, a marker that names it
 * takes its place.
 */
export class LogLooks {
  readonly #options: LogLooksOptions;
  readonly #views = new Map<string, SharedAnswer<LogView>>();

  constructor(options: LogLooksOptions) {
    this.#options = options;
  }

  async look(subject: string, id?: string): Promise<NatsLook> {
    const view = this.#views.get(subject) ?? new SharedAnswer(() => this.#view(subject));
    this.#views.set(subject, view);
    try {
      const { heldFrom, lastSequence, ...look } = await view.get();
      const sequence = id === undefined ? Number.NaN : Number(id);
      return { ...look, isHeld: sequence >= heldFrom && sequence <= lastSequence };
    } finally {
      if (view.isIdle && this.#views.get(subject) === view) this.#views.delete(subject);
    }
  }

  /** Whether nothing after `sequence`, which is one of the subject's, has been removed. */
  async holdsAfter(subject: string, sequence: number): Promise<boolean> {
    const first = await this.#options.stream.firstOf(subject);
    return first !== undefined && heldFromOf(first) <= sequence;
  }

  /** Puts a marker behind the last message, unless something has been published since. */
  async extend({ name, lastSequence, quietSince }: NatsLog): Promise<void> {
    await this.#mark(name, lastSequence, quietSince);
  }

  async #view(subject: string): Promise<LogView> {
    const { stream } = this.#options;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const epoch = await stream.knownEpoch();
      const ends = await this.#tryToFindEnds(subject);
      // last, so that it is the stream in which all this was found; makes it anew where there is none
      const state = await stream.state();
      if (ends !== undefined && state.epoch === epoch)
        return { epoch, ...ends, lastSequence: state.lastSequence };
    }
    throw new SourceError('BROKER_UNAVAILABLE', 'the stream in NATS does not hold still');
  }

  async #tryToFindEnds(subject: string) {
    try {
      return await this.#findEnds(subject);
    } catch (error) {
      if (isStreamMissing(error)) return undefined;
      throw error;
    }
  }

  /** `undefined` if the log changed meanwhile. */
  async #findEnds(subject: string) {
    const { stream } = this.#options;
    const [first, last] = await Promise.all([stream.firstOf(subject), stream.lastOf(subject)]);
    if (first === undefined || last === undefined) return this.#begin(subject);
    let earliest: StoredMsg | undefined = first;
    while (earliest && markedQuietSince(earliest) !== undefined)
      earliest = await stream.firstOf(subject, earliest.seq + 1);
    return {
      firstId: earliest && String(earliest.seq),
      lastId: String(last.seq),
      lastAt: last.time.getTime(),
      heldFrom: heldFromOf(first),
      quietSince: heldFromOf(last),
    };
  }

  /** `undefined` if somebody else has begun the log. */
  async #begin(subject: string) {
    const sequence = await this.#mark(subject, 0, 0);
    if (sequence === undefined) return undefined;
    return {
      firstId: undefined,
      lastId: String(sequence),
      lastAt: Date.now(),
      heldFrom: sequence,
      quietSince: sequence,
    };
  }

  /** `undefined` if the last message of the log is another one. */
  async #mark(subject: string, last: number, quietSince: number): Promise<number | undefined> {
    const { link, stream } = this.#options;
    const options = {
      headers: markerHeaders(quietSince),
      expect: { lastSubjectSequence: last },
    };
    try {
      const { seq } = await link.run({
        perform: ({ publisher }) => publisher.publish(subject, '', options),
      });
      stream.remember(seq);
      return seq;
    } catch (error) {
      if (isApiError(error, wrongLastSequence)) return undefined;
      throw error;
    }
  }
}

function markedQuietSince({ header, seq, data }: StoredMsg): number | undefined {
  return quietSinceOf(header, { sequence: seq, data });
}

/** Nothing has been published to the log between this and the message. */
function heldFromOf(message: StoredMsg): number {
  return markedQuietSince(message) ?? message.seq;
}
