import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { createInbox } from '@nats-io/transport-node';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import type { Clock } from '../../vocabulary.ts';
import type { NatsApi, NatsLink } from './connection.ts';
import { quietSinceOf } from './markers.ts';
import type { StoredMessage } from './nats-log.ts';

/** A message of the stream, with the log that it belongs to. */
export interface FedMessage extends StoredMessage {
  readonly subject: string;
}

/** What a {@link FeedSession} is made from. */
export interface FeedSessionOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly stream: string;
  /** Silence after which the server says that it is there. */
  readonly heartbeatMs: number;
  readonly onMessage: (message: FedMessage) => void;
  /** The server waits for what this returns to be called, once everything before has been dealt with. */
  readonly onFlowControl: (respond: () => void) => void;
  /** Asked now and then. */
  readonly isNeeded: () => boolean;
}

const nanosPerMs = 1_000_000;

/** Silences until a consumer is given up. */
const heartbeatsMissed = 2;

/** How long the server keeps a consumer that nobody listens to. */
const unusedMs = 30_000;

/** One consumer of the whole stream: from its creation until it is not certain any more that nothing is missing. */
export class FeedSession {
  /** Resolves once it is over. */
  readonly ended: Promise<void>;
  /** Why NATS did not let it listen; `undefined` if it did. */
  error: Error | undefined;
  readonly #options: FeedSessionOptions;
  #end: () => void = () => {};
  #subscription: Subscription | undefined;
  #consumer: ConsumerInfo | undefined;
  #stopTimer: () => void = () => {};
  #delivered = 0;
  #silences = 0;
  #isOver = false;

  constructor(options: FeedSessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      const stopWatching = options.link.watchLoss(() => this.close());
      this.#end = () => {
        stopWatching();
        resolve();
      };
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves with how many messages are stored from `sequence` on. */
  async start(sequence: number): Promise<number> {
    const consumer = await this.#options.link.run({
      perform: (api) => this.#create(api, sequence),
    });
    this.#consumer = consumer;
    if (this.#isOver) this.#deleteConsumer(consumer);
    else this.#watchSilence();
    return consumer.num_pending + consumer.delivered.consumer_seq;
  }

  /** Does nothing the second time. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#subscription?.unsubscribe();
    if (this.#consumer) this.#deleteConsumer(this.#consumer);
    this.#end();
  }

  #create({ connection, manager }: NatsApi, sequence: number): Promise<ConsumerInfo> {
    const inbox = createInbox(inboxPrefixOf(connection));
    this.#subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (this.#isOver) return;
        if (error) this.#fail(error);
        else this.#receive(message, inbox);
      },
    });
    return manager.consumers.add(this.#options.stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: sequence,
      deliver_subject: inbox,
      flow_control: true,
      idle_heartbeat: this.#options.heartbeatMs * nanosPerMs,
      inactive_threshold: unusedMs * nanosPerMs,
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
    });
  }

  #fail(error: Error): void {
    this.error = error;
    this.close();
  }

  #receive(message: Msg, inbox: string): void {
    this.#silences = 0;
    if (message.subject === inbox) return this.#receiveControl(message);
    const { delivered, ...fed } = parseMessage(message);
    // something is missing in between
    if (delivered !== this.#delivered + 1) return this.close();
    this.#delivered = delivered;
    this.#options.onMessage(fed);
  }

  #receiveControl(message: Msg): void {
    if (message.headers?.code !== 100) return this.close();
    const stalled = message.headers.get('Nats-Consumer-Stalled');
    if (message.reply) this.#options.onFlowControl(() => message.respond());
    else if (stalled) this.#options.onFlowControl(() => this.#resume(stalled));
  }

  /** The server did not get the answer that it waits for. */
  #resume(subject: string): void {
    void this.#options.link
      .run({ perform: async ({ connection }) => connection.publish(subject) })
      .catch(() => undefined); // it will say so again
  }

  #watchSilence(): void {
    const { clock, heartbeatMs, isNeeded } = this.#options;
    this.#stopTimer = clock.schedule(() => {
      this.#silences += 1;
      if (this.#silences > heartbeatsMissed || !isNeeded()) this.close();
      else this.#watchSilence();
    }, heartbeatMs);
  }

  #deleteConsumer(consumer: ConsumerInfo): void {
    const { link, stream } = this.#options;
    if (!link.isReady) return;
    void link
      .run({ perform: ({ manager }) => manager.consumers.delete(stream, consumer.name) })
      .catch(() => undefined); // it leaves by itself when nobody listens
  }
}

/** What the application has set, where not every inbox may be listened to; the interface of connections leaves it out. */
function inboxPrefixOf(
  connection: NatsConnection & { readonly options?: { readonly inboxPrefix?: string } },
): string | undefined {
  return connection.options?.inboxPrefix;
}

/** What an event's subject and reply say: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`. */
function parseMessage(message: Msg): FedMessage & { readonly delivered: number } {
  const parts = (message.reply ?? '').split('.');
  // newer servers name domain and account before the stream
  const first = parts.length > 9 ? 6 : 4;
  const { data } = message;
  const sequence = Number(parts[first + 1]);
  return {
    subject: message.subject,
    sequence,
    delivered: Number(parts[first + 2]),
    publishedAt: Math.floor(Number(parts[first + 3]) / nanosPerMs),
    data,
    quietSince: data.length > 0 ? undefined : quietSinceOf(message.headers, { sequence, data }),
  };
}
