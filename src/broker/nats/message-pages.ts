import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import type { ConsumerInfo } from '@nats-io/jetstream';

import { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import type { Turnstile } from '../remote/turnstile.ts';
import type { NatsApi, NatsLink } from './connection.ts';
import type { LogLooks } from './log-looks.ts';
import { quietSinceOf } from './markers.ts';
import type { StoredMessage } from './nats-log.ts';
import type { NatsStream } from './stream.ts';

/** What {@link MessagePages} are made from. */
export interface MessagePagesOptions {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  readonly looks: LogLooks;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Bounds what pages take in memory. */
  readonly turnstile: Turnstile;
}

/** Which messages of a subject are wanted. */
export interface MessageRequest {
  readonly subject: string;
  /** In which they were. */
  readonly epoch: string;
  readonly after: number;
  /** The subject had a message up to here, or had had one. */
  readonly upTo: number;
  /** How many at most. */
  readonly count: number;
}

const nanosPerMs = 1_000_000;

/** Between attempts to read what one server of a cluster has and another one not yet. */
const pauseMs = 50;

/** The client does not take less. */
const shortestWaitMs = 1_000;

/** Reads what is stored of a log, with a consumer that lives for one page. */
export class MessagePages {
  readonly #options: MessagePagesOptions;

  constructor(options: MessagePagesOptions) {
    this.#options = options;
  }

  /** Everything that follows, up to `count`; `undefined` if something after `after` is missing, or the stream is another one. */
  async read(request: MessageRequest): Promise<readonly StoredMessage[] | undefined> {
    const { looks, stream, turnstile } = this.#options;
    const messages = await turnstile.pass(() => this.#fetchAll(request));
    // asked afterwards: nothing was removed while it was read
    const isHeld = await looks.holdsAfter(request.subject, request.after);
    const { epoch } = await stream.state();
    return isHeld && epoch === request.epoch ? messages : undefined;
  }

  /** Rejects if the servers do not have the same for too long. */
  async #fetchAll(request: MessageRequest): Promise<readonly StoredMessage[]> {
    const { link, clock, timeoutMs } = this.#options;
    const giveUpAt = clock.now() + timeoutMs;
    for (;;) {
      const messages = await link.run({
        repeat: 'until-answered',
        perform: (api) => this.#fetch(api, request),
      });
      if (!(await this.#lacksLast(request, messages))) return messages;
      if (clock.now() >= giveUpAt)
        throw new SourceError('BROKER_UNAVAILABLE', 'a server of NATS lacks what another one has');
      await new Promise<void>((resume) => clock.schedule(resume, pauseMs));
    }
  }

  /** Whether the leader of the stream, which always has everything, has more: the consumer may be on a server that does not have it yet. */
  async #lacksLast(
    { subject, after, upTo, count }: MessageRequest,
    messages: readonly StoredMessage[],
  ): Promise<boolean> {
    const last = messages.at(-1)?.sequence ?? after;
    if (messages.length === count || last >= upTo) return false;
    const next = await this.#options.stream.firstOf(subject, last + 1);
    return next !== undefined && next.seq <= upTo;
  }

  async #fetch(api: NatsApi, request: MessageRequest): Promise<readonly StoredMessage[]> {
    const { stream, timeoutMs } = this.#options;
    const consumer = await api.manager.consumers.add(stream.name, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: request.after + 1,
      filter_subject: request.subject,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 2 * timeoutMs * nanosPerMs,
    });
    try {
      const count = Math.min(request.count, consumer.num_pending);
      return count === 0 ? [] : await this.#take(api, consumer, count);
    } finally {
      // it would leave by itself before long
      void api.manager.consumers.delete(stream.name, consumer.name).catch(() => undefined);
    }
  }

  async #take(
    api: NatsApi,
    consumer: ConsumerInfo,
    count: number,
  ): Promise<readonly StoredMessage[]> {
    const { timeoutMs } = this.#options;
    const messages: StoredMessage[] = [];
    const fetched = await api.publisher.consumers
      .getConsumerFromInfo(consumer)
      .fetch({ max_messages: count, expires: Math.max(shortestWaitMs, timeoutMs / 2) });
    // fewer come where they were removed meanwhile, or the server is not well
    for await (const { seq, data, headers, timestampNanos } of fetched) {
      messages.push({
        sequence: seq,
        data,
        publishedAt: Number(timestampNanos / BigInt(nanosPerMs)),
        quietSince: quietSinceOf(headers, { sequence: seq, data }),
      });
    }
    if (messages.length < count) throw new Error('NATS gave fewer messages than there were');
    return messages;
  }
}
