import { setTimeout as pause } from 'node:timers/promises';

import type { Position } from 'millrace';
import { seededRandom } from 'millrace/testing';

import type { Account } from './account.ts';
import { createBroker } from './brokers.ts';
import { clientKinds } from './clients.ts';
import type { LedgerClient, LedgerClientOptions } from './clients.ts';
import type { LedgerEvent, Stream } from './events.ts';
import { Fleet } from './fleet.ts';
import type { Programs, Store } from './fleet.ts';
import { Publisher } from './publisher.ts';
import type { Publish } from './publisher.ts';
import { dropsTopic, eventsTopic } from './server-settings.ts';
import type { Liveness } from './server-settings.ts';

/** How much a run takes on. */
export interface RunSize {
  readonly clients: number;
  /** Between two events of one stream. */
  readonly intervalMs: number;
  /** When silence counts as the end: the more clients, the longer may an answer take. */
  readonly liveness: Liveness;
  /** How long everybody may take to get what was published when all faults are over. */
  readonly patienceMs: number;
}

/** Options of {@link Stage.raise}. */
export interface StageOptions {
  readonly programs: Programs;
  readonly store: Store;
  readonly size: RunSize;
  readonly seed: number;
  /** Of servers and clients. @defaultValue that of the size */
  readonly liveness?: Liveness | undefined;
}

const eventStreams: readonly Stream[] = ['a', 'b', 'c', 'd'].map((key) => ({
  topic: eventsTopic,
  key,
}));
const dropStreams: readonly Stream[] = [{ topic: dropsTopic, key: 'a' }];

/** Servers, a publisher and clients, for something to go wrong between them. */
export class Stage {
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly clients: readonly LedgerClient[];
  /** Repeatable. */
  readonly random: () => number;
  readonly pause = (durationMs: number): Promise<void> => pause(durationMs);
  readonly #patienceMs: number;
  readonly #closePublish: () => Promise<void>;

  /** Resolves once every client knows where it begins, and events flow. */
  static async raise(options: StageOptions): Promise<Stage> {
    const { programs, store, liveness = options.size.liveness } = options;
    const fleet = await Fleet.start({ programs, store, timeoutMs: 1_500, liveness });
    const stage = new Stage(fleet, await publicationOf(fleet), { ...options, liveness });
    try {
      await stage.#settled((account) => account.hasBegun, 'the first token');
    } catch (error) {
      await stage.close();
      throw error;
    }
    stage.publisher.start();
    return stage;
  }

  private constructor(
    fleet: Fleet,
    { publish, close }: Publication,
    { size, seed, liveness }: StageOptions & { readonly liveness: Liveness },
  ) {
    this.fleet = fleet;
    this.random = seededRandom(seed);
    this.publisher = new Publisher([...eventStreams, ...dropStreams], publish, size.intervalMs);
    this.#closePublish = close;
    this.#patienceMs = size.patienceMs;
    this.clients = Array.from({ length: size.clients }, (_, index) =>
      createClient(index, { nextUrl: fleet.nextUrl, liveness }),
    );
  }

  get accounts(): readonly Account[] {
    return this.clients.flatMap(({ accounts }) => accounts);
  }

  /** At least 0, less than `count`. */
  randomIndex(count: number): number {
    return Math.floor(this.random() * count);
  }

  /** Events flow until everybody gets them again, then until everybody has the last. Resolves even if somebody never does: the accounts show it. */
  async finish(): Promise<void> {
    const { publisher } = this;
    const reached = new Map(
      publisher.streams.map((stream) => [stream, publisher.journal.of(stream).length]),
    );
    const countOf = (account: Account): number => publisher.journal.of(account.stream).length;
    const isBack = (account: Account): boolean =>
      account.lastSequence > (reached.get(this.#streamOf(account)) ?? 0);
    await this.#settled(isBack).catch(() => {});
    await publisher.stop();
    await this.#settled((account) => account.lastSequence >= countOf(account)).catch(() => {});
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.publisher.stop();
    await this.#closePublish();
    await this.fleet.close();
  }

  #streamOf({ stream }: Account): Stream {
    const known = this.publisher.streams.find(
      ({ topic, key }) => topic === stream.topic && key === stream.key,
    );
    return known ?? stream;
  }

  async #settled(isSettled: (account: Account) => boolean, what = 'an event'): Promise<void> {
    const giveUpAt = performance.now() + this.#patienceMs;
    const { accounts } = this;
    while (!accounts.every(isSettled)) {
      if (performance.now() > giveUpAt) {
        const waiting = accounts.filter((account) => !isSettled(account));
        throw new Error(`${waiting.length} wait in vain for ${what}: ${describe(waiting[0])}`);
      }
      await pause(20);
    }
  }
}

function describe(account: Account | undefined): string {
  return account ? JSON.stringify([account.owner, account.entries.slice(-5)]) : '';
}

/** All kinds of clients in turn; every other round reads the topic whose events are dropped for slow readers, but for those who could not be told. */
function createClient(
  index: number,
  server: Pick<LedgerClientOptions, 'nextUrl' | 'liveness'>,
): LedgerClient {
  const kind = clientKinds[index % clientKinds.length];
  if (!kind) throw new Error('there is no kind of client');
  const [transport, create] = kind;
  const isDropRound = Math.floor(index / clientKinds.length) % 2 === 1;
  const first = index % eventStreams.length;
  const streams =
    isDropRound && transport !== 'EventSource'
      ? dropStreams
      : [...eventStreams, ...eventStreams].slice(first, first + 2);
  return create({ ...server, name: `client ${index + 1}`, streams });
}

interface Publication {
  readonly publish: Publish;
  readonly close: () => Promise<void>;
}

/** Through a broker of its own, or through the server process that has the events. */
async function publicationOf(fleet: Fleet): Promise<Publication> {
  if (!fleet.brokerSettings) return { publish: publishBy(fleet), close: async () => {} };
  const broker = await createBroker(fleet.brokerSettings);
  return {
    publish: (event, idempotencyId) =>
      broker.publish(event.topic, event.key, event, { idempotencyId }),
    close: () => broker.close(),
  };
}

function publishBy(fleet: Fleet): Publish {
  const query =
    'mutation ($entry: EntryInput!, $id: String!) { publish(entry: $entry, idempotencyId: $id) }';
  return async (entry: LedgerEvent, id: string): Promise<Position> => {
    const response = await fetch(fleet.server(0).directUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { entry, id } }),
      signal: AbortSignal.timeout(2_000),
    });
    const result = (await response.json()) as {
      readonly data?: { readonly publish: readonly [epoch: string, offset: string] };
    }; // the mutation has this type
    if (!result.data) throw new Error('nothing was accepted');
    const [epoch, offset] = result.data.publish;
    return { epoch, offset };
  };
}
