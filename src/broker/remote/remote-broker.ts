import { SourceError } from '../../errors.ts';
import type { Position } from '../../vocabulary.ts';
import { createTopic } from '../topic.ts';
import type { Broker, BrokerCapabilities, LogReader, PublishOptions, Topic } from '../types.ts';
import type { EventCodec } from './event-codec.ts';
import type { LogLook, RemoteLogReaders } from './log-readers.ts';
import { encodePublication, encodePublications } from './publication.ts';
import type { EncodedPublication } from './publication.ts';
import type { RemoteLog } from './remote-log.ts';
import type { RemoteStatus } from './status.ts';
import { tell } from './tell.ts';

/**
 * A broker whose logs are stored elsewhere, apart from where that is.
 *
 * @remarks
 * Whoever knows how they are stored calls {@link RemoteBroker.updateStatus} whenever a connection came up or was lost.
 */
export abstract class RemoteBroker<Address> implements Broker {
  abstract readonly name: string;
  abstract readonly capabilities: BrokerCapabilities;
  protected abstract readonly readers: ReadersOf<Address>;
  readonly #codec: EventCodec;
  readonly #onStatus: ((status: RemoteStatus) => void) | undefined;
  #status: RemoteStatus = { kind: 'connecting' };
  #closing: Promise<void> | undefined;

  constructor(codec: EventCodec, onStatus: ((status: RemoteStatus) => void) | undefined) {
    this.#codec = codec;
    this.#onStatus = onStatus;
  }

  /** Where a log is stored. */
  protected abstract addressOf(topic: string, key: string): Address;

  protected abstract publishOne(address: Address, one: EncodedPublication): Promise<Position>;

  protected abstract publishAll(
    address: Address,
    all: readonly EncodedPublication[],
  ): Promise<readonly Position[]>;

  /** What the connections say; `undefined` where they say nothing new. */
  protected abstract findStatus(): RemoteStatus | undefined;

  /** Called once; ends the readers. */
  protected abstract closeParts(): Promise<void>;

  get readerCount(): number {
    return this.readers.readerCount;
  }

  get status(): RemoteStatus {
    return this.#status;
  }

  async publish(
    topic: string,
    key: string,
    event: unknown,
    options?: PublishOptions,
  ): Promise<Position> {
    this.#assertOpen();
    const address = this.addressOf(topic, key);
    return this.publishOne(address, encodePublication(this.#codec, event, options));
  }

  async publishMany(
    topic: string,
    key: string,
    events: readonly unknown[],
    options?: PublishOptions,
  ): Promise<readonly Position[]> {
    this.#assertOpen();
    const address = this.addressOf(topic, key);
    return this.publishAll(address, encodePublications(this.#codec, events, options));
  }

  async head(topic: string, key: string): Promise<Position> {
    this.#assertOpen();
    return this.readers.head(this.addressOf(topic, key));
  }

  /** Always has to be asked for. */
  headNow(): undefined {
    return undefined;
  }

  async read(topic: string, key: string, after: Position | undefined): Promise<LogReader> {
    this.#assertOpen();
    return this.readers.open(this.addressOf(topic, key), after);
  }

  topic<Event>(name: string): Topic<Event> {
    return createTopic(this, name);
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    // before anybody hears of it, who may close it as well
    this.#closing = Promise.resolve().then(() => this.closeParts());
    this.#setStatus({ kind: 'closed' });
    return this.#closing;
  }

  protected updateStatus(): void {
    if (this.#closing) return;
    const status = this.findStatus();
    if (status !== undefined) this.#setStatus(status);
  }

  #assertOpen(): void {
    if (this.#closing) throw new SourceError('BROKER_CLOSED', `the ${this.name} broker was closed`);
  }

  #setStatus(status: RemoteStatus): void {
    const hasChanged = status.kind !== this.#status.kind;
    this.#status = status;
    if (hasChanged) tell(this.#onStatus, status);
  }
}

/** The logs that are read, as far as a broker does not have to know what they are. */
type ReadersOf<Address> = Pick<
  RemoteLogReaders<Address, LogLook, RemoteLog>,
  'readerCount' | 'head' | 'open'
>;
