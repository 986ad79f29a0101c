import type { PubAck } from '@nats-io/jetstream';

import { SourceError } from '../../errors.ts';
import type { Position } from '../../vocabulary.ts';
import type { EncodedPublication } from '../remote/publication.ts';
import type { NatsApi, NatsLink } from './connection.ts';
import { isApiError, isStreamMissing } from './stream.ts';
import type { NatsStream } from './stream.ts';
import { messageIdOf } from './subjects.ts';

/** What a {@link NatsPublisher} is made from. */
export interface NatsPublisherOptions {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  /** NATS accepted something. */
  readonly onPublished: () => void;
}

/** Events of one `publishMany` that are under way at the same time. */
const eventsAtOnce = 256;

/** Publishes to the stream. */
export class NatsPublisher {
  readonly #options: NatsPublisherOptions;
  #lastSequence = 0;

  constructor(options: NatsPublisherOptions) {
    this.#options = options;
  }

  async publish(subject: string, publication: EncodedPublication): Promise<Position> {
    // makes the stream if there is none
    await this.#options.stream.knownEpoch();
    return this.#publishToStream(subject, publication, bytesOf(publication));
  }

  /** What is behind an event that is refused is not published, as far as the stream says beforehand that it may refuse some. */
  async publishMany(
    subject: string,
    publications: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    const { stream } = this.#options;
    await stream.knownEpoch();
    // where one of them is too large for the server, none is published
    const bytes = publications.reduce((most, each) => Math.max(most, bytesOf(each)), 0);
    const atOnce = stream.mayRefuse(bytes + headerBytes) ? 1 : eventsAtOnce;
    const positions: Position[] = [];
    for (let i = 0; i < publications.length; i += atOnce) {
      const part = publications.slice(i, i + atOnce);
      const outcomes = part.map((each) => this.#publishToStream(subject, each, bytes));
      positions.push(...(await Promise.all(outcomes)));
    }
    return positions;
  }

  /** @param bytes - that have to fit into one message */
  async #publishToStream(
    subject: string,
    publication: EncodedPublication,
    bytes: number,
  ): Promise<Position> {
    const { stream } = this.#options;
    try {
      return await this.#publish(subject, publication, bytes);
    } catch (error) {
      if (isApiError(error, tooLarge)) throw tooLargeFor('the stream in NATS takes', error);
      if (!isStreamMissing(error)) throw error;
      await stream.state();
      return this.#publish(subject, publication, bytes);
    }
  }

  async #publish(
    subject: string,
    { stored, id }: EncodedPublication,
    bytes: number,
  ): Promise<Position> {
    const { link, stream, onPublished } = this.#options;
    const ack = await link.run({
      repeat: id === undefined ? 'once' : 'until-answered',
      perform: (api) => {
        assertFits(api, bytes);
        const options = id === undefined ? {} : { msgID: messageIdOf(subject, id) };
        return api.publisher.publish(subject, stored, options);
      },
    });
    if (ack.stream !== stream.name)
      throw new SourceError('BROKER_UNAVAILABLE', 'another stream in NATS has taken the event');
    await this.#account(ack);
    onPublished();
    return { epoch: await stream.knownEpoch(), offset: String(ack.seq) };
  }

  async #account({ seq, duplicate }: PubAck): Promise<void> {
    const { stream } = this.#options;
    if (duplicate) return;
    const isOfOther = seq <= this.#lastSequence;
    this.#lastSequence = seq;
    if (!isOfOther) return stream.remember(seq);
    // sequences of one connection grow, so the stream is another one than before
    await stream.state();
  }
}

/** Room for the id of a publication. */
const headerBytes = 1_024;

/** What JetStream answers where a message is larger than its stream takes. */
const tooLarge = 10_054;

function bytesOf({ stored }: EncodedPublication): number {
  return Buffer.byteLength(stored);
}

/** A server ends the connection of whoever sends more. */
function assertFits({ connection }: NatsApi, bytes: number): void {
  const most = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (bytes + headerBytes > most) throw tooLargeFor(`NATS takes, which is ${most} bytes`);
}

function tooLargeFor(whom: string, cause?: unknown): SourceError {
  return new SourceError('EVENT_NOT_SERIALIZABLE', `the event is larger than ${whom}`, { cause });
}
