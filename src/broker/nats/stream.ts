import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import type {
  NextMsgRequest,
  SeqMsgRequest,
  StoredMsg,
  StreamConfig,
  StreamInfo,
} from '@nats-io/jetstream';

import { RequestError } from '@nats-io/transport-node';

import { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import type { NatsApi, NatsLink } from './connection.ts';
import { SharedAnswer } from './shared-answers.ts';

/** How a stream is made where there is none; see `NatsBrokerOptions`. */
export interface NatsStreamSettings {
  readonly name: string;
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  /** Events that a log keeps. */
  readonly events: number;
  readonly ageMs: number;
  /** Of the whole stream. */
  readonly totalBytes: number | undefined;
}

/** What a {@link NatsStream} is made from. */
export interface NatsStreamOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly settings: NatsStreamSettings;
  readonly createEpoch: () => string;
  /** The stream is another one than before, or not what it was. */
  readonly onEpoch: (state: NatsStreamState) => void;
}

/** The stream as it was at one moment after somebody asked. */
export interface NatsStreamState {
  readonly epoch: string;
  /** Of the oldest message that is stored, or the one that the next message will have. */
  readonly firstSequence: number;
  /** Of the last message that was ever stored. */
  readonly lastSequence: number;
  /** When that was stored, as the server writes it. */
  readonly lastTimestamp: string;
  /** What it does with a message for which it has no room. */
  readonly discard: DiscardPolicy;
  /** Of a message with its headers. */
  readonly mostBytes: number;
}

/** Ends the description of a stream that is not what it was: it had these events for a while, and lost them. */
const epochInDescription = / \[epoch (\w+)\]$/;

const nanosPerMs = 1_000_000;

/**
 * From when a stream is gone until another one is made.
 *
 * @remarks
 * A stream that is made while the server still deletes one of the same name may lose its files with those, and refuse everything from then on.
 */
const leavingMs = 250;

/** A position can be read from as long as its own event is there, and a few markers may be among the events. */
const placesBesides = 4;

/**
 * The stream that holds all logs.
 *
 * @remarks
 * Its epoch is the time of its creation, together with a name that whoever notices a loss puts into its description: a stream that
 * was restored, or whose server lost what it had answered for, keeps its time of creation.
 */
export class NatsStream {
  readonly name: string;
  readonly #options: NatsStreamOptions;
  readonly #state: SharedAnswer<NatsStreamState>;
  #epoch: string | undefined;
  /** Resolves once the epoch is known; `undefined` before anybody wanted to know it. */
  #begun: Promise<unknown> | undefined;
  /** It is known that the stream had this one. */
  #highest = 0;
  /** What it was at the last check: its last message is still the same, if it is there. */
  #landmark: NatsStreamState | undefined;
  /** What it was when somebody asked last. */
  #latest: NatsStreamState | undefined;

  constructor(options: NatsStreamOptions) {
    this.name = options.settings.name;
    this.#options = options;
    this.#state = new SharedAnswer(() => this.#readState());
  }

  /** `undefined` before anybody asked. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  get highestSequence(): number {
    return this.#highest;
  }

  /** Whether it may refuse a message of this size and accept others, as far as is known. */
  mayRefuse(bytes: number): boolean {
    if (this.#latest === undefined) return false;
    const { discard, mostBytes } = this.#latest;
    return discard === DiscardPolicy.New || bytes > mostBytes;
  }

  /** The epoch as it is known; asks only if it is not. Those who ask learn it in the order of their calls. */
  async knownEpoch(): Promise<string> {
    if (this.#begun === undefined) {
      this.#begun = this.#epoch === undefined ? this.state() : Promise.resolve();
      this.#begun.catch(() => {
        this.#begun = undefined;
      });
    }
    await this.#begun;
    return this.#epoch ?? (await this.state()).epoch;
  }

  /** Makes the stream if there is none. */
  state(): Promise<NatsStreamState> {
    return this.#state.get();
  }

  /** As {@link NatsStream.state}, after making sure that what was there is still the same. */
  async check(): Promise<NatsStreamState> {
    const [epoch, landmark] = [this.#epoch, this.#landmark];
    const state = await this.state();
    if (landmark !== undefined && state.epoch === epoch) {
      // asked last: what was the same then was the same before
      const stored = await this.#message({ seq: landmark.lastSequence });
      if (stored && stored.timestamp !== landmark.lastTimestamp) return this.#renewEpoch(epoch);
    }
    if (state.epoch === this.#epoch && state.lastSequence > 0) this.#landmark = state;
    return state;
  }

  /** The stream has a message of this sequence. */
  remember(sequence: number): void {
    if (sequence > this.#highest) this.#highest = sequence;
  }

  /** The first message of a subject from `sequence` on; `undefined` if there is none. */
  firstOf(subject: string, sequence = 1): Promise<StoredMsg | undefined> {
    const query: NextMsgRequest & SeqMsgRequest = { seq: sequence, next_by_subj: subject };
    return this.#message(query);
  }

  /** The first message after `sequence`, of whichever subject; `undefined` if there is none. */
  firstAfter(sequence: number): Promise<StoredMsg | undefined> {
    return this.firstOf('>', sequence + 1);
  }

  lastOf(subject: string): Promise<StoredMsg | undefined> {
    return this.#message({ last_by_subj: subject });
  }

  async #message(query: Parameters<NatsApi['manager']['streams']['getMessage']>[1]) {
    const message = await this.#options.link.run({
      repeat: 'until-answered',
      perform: ({ manager }) => manager.streams.getMessage(this.name, query),
    });
    return message ?? undefined;
  }

  async #readState(): Promise<NatsStreamState> {
    const known = { epoch: this.#epoch, highest: this.#highest };
    const state = toState(await this.#infoOrCreate());
    const isShorter = state.epoch === known.epoch && state.lastSequence < known.highest;
    if (isShorter) return this.#renewEpoch(state.epoch);
    this.#become(state);
    return state;
  }

  async #infoOrCreate(): Promise<StreamInfo> {
    const { link, clock } = this.#options;
    const info = await link.run({ repeat: 'until-answered', perform: (api) => this.#info(api) });
    if (info !== undefined) return info;
    const wasThere = this.#epoch !== undefined;
    if (wasThere) await new Promise<void>((resume) => clock.schedule(resume, leavingMs));
    return link.run({ repeat: 'until-answered', perform: (api) => this.#create(api) });
  }

  /** `undefined` if there is none. */
  async #info({ manager }: NatsApi): Promise<StreamInfo | undefined> {
    try {
      return await manager.streams.info(this.name);
    } catch (error) {
      if (isApiError(error, JetStreamApiCodes.StreamNotFound)) return undefined;
      throw error;
    }
  }

  async #create({ manager }: NatsApi): Promise<StreamInfo> {
    try {
      return await manager.streams.add(toConfig(this.#options.settings));
    } catch (error) {
      if (!isApiError(error, nameInUse)) throw error;
      // somebody else has made it meanwhile
      return manager.streams.info(this.name);
    }
  }

  /** Gives the stream an epoch that it never had, unless somebody else has done so. */
  async #renewEpoch(lost: string): Promise<NatsStreamState> {
    const { link, createEpoch } = this.#options;
    let info = await this.#infoOrCreate();
    if (toState(info).epoch === lost) {
      const text = (info.config.description ?? '').replace(epochInDescription, '');
      const config = { ...info.config, description: `${text} [epoch ${createEpoch()}]` };
      info = await link.run({
        repeat: 'until-answered',
        perform: ({ manager }) => manager.streams.update(this.name, config),
      });
    }
    const state = toState(info);
    this.#become(state);
    return state;
  }

  #become(state: NatsStreamState): void {
    this.#latest = state;
    if (state.epoch === this.#epoch) return this.remember(state.lastSequence);
    this.#epoch = state.epoch;
    this.#highest = state.lastSequence;
    this.#landmark = undefined;
    this.#options.onEpoch(state);
  }
}

const nameInUse = 10_058;

/** Whether JetStream answered with this error. */
export function isApiError(error: unknown, code: number): boolean {
  const cause = error instanceof SourceError ? error.cause : error;
  return cause instanceof JetStreamApiError && cause.code === code;
}

/** Nobody answers for the stream: it was deleted, unless JetStream is away altogether. */
export function isStreamMissing(error: unknown): boolean {
  if (isApiError(error, JetStreamApiCodes.StreamNotFound)) return true;
  let cause = error;
  while (cause instanceof Error && !(cause instanceof RequestError)) cause = cause.cause;
  return cause instanceof RequestError && cause.isNoResponders();
}

function toState({ created, config, state }: StreamInfo): NatsStreamState {
  const renewed = epochInDescription.exec(config.description ?? '')?.[1];
  const time = BigInt(created.replaceAll(/\D/g, '')).toString(36);
  return {
    epoch: renewed === undefined ? time : `${time}-${renewed}`,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
    lastTimestamp: state.last_ts,
    discard: config.discard,
    mostBytes: config.max_msg_size < 0 ? Number.POSITIVE_INFINITY : config.max_msg_size,
  };
}

function toConfig(settings: NatsStreamSettings): Partial<StreamConfig> & { name: string } {
  const { name, storage, replicas, events, ageMs, totalBytes } = settings;
  return {
    name,
    description: 'Events of Millrace',
    subjects: [`${name}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    num_replicas: replicas,
    max_msgs_per_subject: events + placesBesides,
    max_age: ageMs * nanosPerMs,
    duplicate_window: ageMs * nanosPerMs,
    ...(totalBytes !== undefined && { max_bytes: totalBytes }),
  };
}
