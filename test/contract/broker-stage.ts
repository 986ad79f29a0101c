import type { Broker } from '../../src/broker/types.ts';
import type { Position } from '../../src/vocabulary.ts';

/** What a broker under test has to be made with. */
export interface BrokerContractOptions {
  /** Events that a log keeps; as many as the broker keeps anyway without it. */
  readonly retainedEvents?: number;
}

/** Makes a broker of its own for one test; everything that it needs ends with `broker.close()`. */
export type CreateBroker = (options: BrokerContractOptions) => Promise<Broker>;

/** What the tests of the contract publish. */
export interface Message {
  readonly n: number;
}

export const numbers = (count: number, first = 0): readonly Message[] =>
  Array.from({ length: count }, (_, i) => ({ n: first + i }));

/** The broker of the test that runs. */
export class BrokerStage {
  readonly #create: CreateBroker;
  #broker: Broker | undefined;

  constructor(create: CreateBroker) {
    this.#create = create;
  }

  get broker(): Broker {
    if (this.#broker === undefined) throw new Error('no test runs');
    return this.#broker;
  }

  async open(options: BrokerContractOptions): Promise<void> {
    this.#broker = await this.#create(options);
  }

  /** Another broker takes the place of this one. */
  async recreate(options: BrokerContractOptions): Promise<void> {
    await this.broker.close();
    await this.open(options);
  }

  /** Publishes one after the other. */
  async publishAll(key: string, messages: readonly Message[]): Promise<Position[]> {
    const positions: Position[] = [];
    for (const message of messages)
      positions.push(await this.broker.publish('topic', key, message));
    return positions;
  }
}
