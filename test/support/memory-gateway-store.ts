import type {
  GatewayStore,
  StoredConnection,
  StoredSubscription,
  SubscriptionPage,
  SubscriptionPlace,
} from 'millrace/adapters/gateway';

/** Keeps texts alone, so that nothing survives a call that is no data. */
export class MemoryGatewayStore implements GatewayStore {
  readonly connections = new Map<string, StoredConnection>();
  readonly #subscriptions = new Map<string, Map<string, Added>>();
  /** Subscriptions that were ever added. */
  #additions = 0;
  readonly #pageSubscriptions: number;
  /** Called before each method, with its name; what it throws makes the method reject. */
  before: ((method: keyof GatewayStore) => void | Promise<void>) | undefined;

  constructor(pageSubscriptions = 2) {
    this.#pageSubscriptions = pageSubscriptions;
  }

  /** Of all places. */
  get subscriptionCount(): number {
    return [...this.#subscriptions.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Of all subscriptions. */
  get texts(): readonly string[] {
    return [...this.#subscriptions.values()].flatMap((all) =>
      Array.from(all.values(), ({ text }) => text),
    );
  }

  async readConnection(connectionId: string): Promise<StoredConnection | undefined> {
    await this.before?.('readConnection');
    return this.connections.get(connectionId);
  }

  async writeConnection(connectionId: string, connection: StoredConnection): Promise<boolean> {
    await this.before?.('writeConnection');
    const { version = 0 } = this.connections.get(connectionId) ?? {};
    if (version !== connection.version - 1) return false;
    this.connections.set(connectionId, connection);
    return true;
  }

  async removeConnection(connectionId: string): Promise<string | undefined> {
    await this.before?.('removeConnection');
    const known = this.connections.get(connectionId);
    this.connections.delete(connectionId);
    return known?.text;
  }

  async addSubscription({ place, token, text }: StoredSubscription): Promise<void> {
    await this.before?.('addSubscription');
    this.#additions += 1;
    this.#at(place).set(token, { text, at: this.#additions });
  }

  async removeSubscription(place: SubscriptionPlace, token: string): Promise<string | undefined> {
    await this.before?.('removeSubscription');
    const known = this.#at(place).get(token);
    this.#at(place).delete(token);
    return known?.text;
  }

  /** The last of a page is given again on the next one: stores may do so. */
  async listSubscriptions(
    place: SubscriptionPlace,
    cursor: string | undefined,
  ): Promise<SubscriptionPage> {
    await this.before?.('listSubscriptions');
    const from = Number(cursor ?? 0);
    const rest = [...this.#at(place).values()].filter(({ at }) => at >= from);
    // one more than there are on a page, as one of them may have been given before
    const page = rest.slice(0, this.#pageSubscriptions + 1);
    const texts = page.map(({ text }) => text);
    const last = page.at(-1);
    return last && page.length < rest.length ? { texts, cursor: String(last.at) } : { texts };
  }

  #at({ topic, key }: SubscriptionPlace): Map<string, Added> {
    const name = JSON.stringify([topic, key]);
    const known = this.#subscriptions.get(name) ?? new Map<string, Added>();
    this.#subscriptions.set(name, known);
    return known;
  }
}

interface Added {
  readonly text: string;
  /** Counts the additions. */
  readonly at: number;
}
