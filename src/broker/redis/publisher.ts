import { SourceError } from '../../errors.ts';
import type { Position } from '../../vocabulary.ts';
import type { EncodedPublication } from '../remote/publication.ts';
import type { RedisConnection } from './connection.ts';
import { idempotencyKey } from './log-keys.ts';
import type { LogKeys } from './log-keys.ts';
import { parsePublished } from './replies.ts';
import { publishScript } from './scripts.ts';

/** What a {@link RedisPublisher} is made from. */
export interface RedisPublisherOptions {
  readonly commands: RedisConnection;
  /** Events that a log keeps at least. */
  readonly events: number;
  readonly ageMs: number;
  readonly idleMs: number;
  readonly createEpoch: () => string;
  /** Redis accepted something, the last of which has `lastId`. */
  readonly onPublished: (keys: LogKeys, epoch: string, lastId: string) => void;
}

/** Events that are published by one command. */
const eventsPerCommand = 100;

/** Publishes to logs in Redis, and trims them. */
export class RedisPublisher {
  readonly #options: RedisPublisherOptions;

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
  }

  async publish(keys: LogKeys, publication: EncodedPublication): Promise<Position> {
    const [position] = await this.#publish(keys, [publication]);
    if (position === undefined) throw new SourceError('BROKER_UNAVAILABLE', 'Redis gave no id');
    return position;
  }

  async publishMany(
    keys: LogKeys,
    publications: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    const parts: Promise<readonly Position[]>[] = [];
    for (let i = 0; i < publications.length; i += eventsPerCommand)
      parts.push(this.#publish(keys, publications.slice(i, i + eventsPerCommand)));
    return (await Promise.all(parts)).flat();
  }

  async #publish(
    keys: LogKeys,
    publications: readonly EncodedPublication[],
  ): Promise<readonly Position[]> {
    const { commands, events, ageMs, idleMs, createEpoch, onPublished } = this.#options;
    const idKeys = publications.flatMap(({ id }) =>
      id === undefined ? [] : idempotencyKey(keys, id),
    );
    const reply = await commands.run({
      repeat: publications.every(({ id }) => id !== undefined) ? 'until-answered' : 'once',
      args: [
        'EVAL',
        publishScript,
        String(2 + idKeys.length),
        keys.stream,
        keys.epoch,
        ...idKeys,
        createEpoch(),
        String(idleMs),
        // one more than has to be kept: a position can be read from as long as its own event is there
        String(events + 1),
        String(ageMs),
        idKeys.length > 0 ? '1' : '0',
        ...publications.flatMap(({ stored, id = '' }) => [stored, id]),
      ],
    });
    const [epoch, ...ids] = parsePublished(reply);
    const lastId = ids.at(-1);
    if (lastId !== undefined) onPublished(keys, epoch, lastId);
    return ids.map((offset) => ({ epoch, offset }));
  }
}
