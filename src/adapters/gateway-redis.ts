import type {
  GatewayStore,
  StoredConnection,
  StoredSubscription,
  SubscriptionPage,
  SubscriptionPlace,
} from '../server/gateway/gateway-store.ts';
import { addScript, removeScript, takeScript, writeScript } from './gateway-redis-scripts.ts';

/** What is used of a connected client of the package `redis`: it stays yours to close. */
export interface GatewayRedisLike {
  sendCommand(args: string[]): Promise<unknown>;
}

/** Where in Redis a gateway keeps what it knows. */
export interface RedisGatewayStoreOptions {
  /** What the names of all keys begin with. @defaultValue 'millrace-gateway' */
  readonly prefix?: string;
  /** Subscriptions of one page, roughly. @defaultValue 500 */
  readonly pageSubscriptions?: number;
  /** Milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
}

/**
 * A store over Redis: a hash per connection, and a hash of subscriptions per (topic, key).
 *
 * @remarks
 * Each script touches one key, so it runs on a cluster as well. Reads go to the primary, as `client` does unless it was told otherwise.
 */
export function createRedisGatewayStore(
  client: GatewayRedisLike,
  options: RedisGatewayStoreOptions = {},
): GatewayStore {
  return new RedisGatewayStore(client, options);
}

class RedisGatewayStore implements GatewayStore {
  readonly #client: GatewayRedisLike;
  readonly #prefix: string;
  readonly #pageSubscriptions: number;
  readonly #now: () => number;

  constructor(client: GatewayRedisLike, options: RedisGatewayStoreOptions) {
    const { prefix = 'millrace-gateway', pageSubscriptions = 500, now = Date.now } = options;
    this.#client = client;
    this.#prefix = prefix;
    this.#pageSubscriptions = pageSubscriptions;
    this.#now = now;
  }

  async readConnection(connectionId: string): Promise<StoredConnection | undefined> {
    const command = ['HMGET', this.#connectionKey(connectionId), 'version', 'text'];
    const [version, text] = (await this.#client.sendCommand(command)) as Texts; // of `HMGET`
    if (version === null || version === undefined || text === null || text === undefined) {
      return undefined;
    }
    return { version: Number(version), text };
  }

  async writeConnection(
    connectionId: string,
    { version, text }: StoredConnection,
    expiresAt: number,
  ): Promise<boolean> {
    const key = this.#connectionKey(connectionId);
    const args = [String(version), text, toInstant(expiresAt)];
    return (await this.#run(writeScript, key, args)) === 1;
  }

  async removeConnection(connectionId: string): Promise<string | undefined> {
    return toText(await this.#run(removeScript, this.#connectionKey(connectionId), []));
  }

  async addSubscription({ place, token, text, expiresAt }: StoredSubscription): Promise<void> {
    const instant = toInstant(expiresAt);
    await this.#run(addScript, this.#placeKey(place), [token, `${instant} ${text}`, instant]);
  }

  async removeSubscription(place: SubscriptionPlace, token: string): Promise<string | undefined> {
    const entry = toText(await this.#run(takeScript, this.#placeKey(place), [token]));
    return entry?.slice(entry.indexOf(' ') + 1);
  }

  async listSubscriptions(
    place: SubscriptionPlace,
    cursor: string | undefined,
  ): Promise<SubscriptionPage> {
    const key = this.#placeKey(place);
    const command = ['HSCAN', key, cursor ?? '0', 'COUNT', String(this.#pageSubscriptions)];
    const [next, members] = (await this.#client.sendCommand(command)) as [string, string[]]; // of `HSCAN`
    const texts: string[] = [];
    const expired: string[] = [];
    for (let i = 0; i + 1 < members.length; i += 2) {
      const [token = '', entry = ''] = members.slice(i, i + 2);
      const space = entry.indexOf(' ');
      if (Number(entry.slice(0, space)) > this.#now()) texts.push(entry.slice(space + 1));
      else expired.push(token);
    }
    if (expired.length > 0) await this.#client.sendCommand(['HDEL', key, ...expired]);
    return next === '0' ? { texts } : { texts, cursor: next };
  }

  #run(script: string, key: string, args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(['EVAL', script, '1', key, ...args]);
  }

  #connectionKey(connectionId: string): string {
    return `${this.#prefix}:connection:${connectionId}`;
  }

  #placeKey({ topic, key }: SubscriptionPlace): string {
    return `${this.#prefix}:subscriptions:${topic.length}:${topic}:${key}`;
  }
}

type Texts = readonly (string | null | undefined)[];

function toInstant(milliseconds: number): string {
  return String(Math.ceil(milliseconds));
}

function toText(reply: unknown): string | undefined {
  return typeof reply === 'string' ? reply : undefined;
}
