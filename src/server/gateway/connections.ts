import { SourceError } from '../../errors.ts';
import type { ConnectionRecord } from './connection-record.ts';
import { parseConnectionRecord } from './connection-record.ts';
import type { GatewayOutput, GatewayRules } from './gateway-connection.ts';
import { GatewayConnection } from './gateway-connection.ts';
import type { GatewayStore } from './gateway-store.ts';

/** What became of an update. */
export type Update =
  | {
      readonly kind: 'updated';
      readonly outputs: readonly GatewayOutput[];
      readonly record: ConnectionRecord;
    }
  /** The update ended the connection: `record` is what has to be cleared up. */
  | {
      readonly kind: 'ended';
      readonly outputs: readonly GatewayOutput[];
      readonly record: ConnectionRecord;
    }
  /** Nothing is known of the connection any more. */
  | { readonly kind: 'unknown' };

/** Others may write first so often; each time one of those who write at once succeeds. */
const mostAttempts = 200;

/** The connections of a gateway, in its store. */
export class Connections {
  readonly #store: GatewayStore;
  readonly #rules: GatewayRules;
  readonly #now: () => number;

  /** @param now - milliseconds since 1970 */
  constructor(store: GatewayStore, rules: GatewayRules, now: () => number) {
    this.#store = store;
    this.#rules = rules;
    this.#now = now;
  }

  /** False if it is known already. */
  open(connectionId: string, record: ConnectionRecord): Promise<boolean> {
    const connection = { version: 1, text: JSON.stringify(record) };
    return this.#store.writeConnection(connectionId, connection, record.expiresAt);
  }

  async read(connectionId: string): Promise<ConnectionRecord | undefined> {
    const stored = await this.#store.readConnection(connectionId);
    return stored && parseConnectionRecord(stored.text);
  }

  /** The connection as its record has it. */
  restore(record: ConnectionRecord): GatewayConnection {
    return new GatewayConnection(this.#rules, record);
  }

  /**
   * Changes a connection as `act` does, as if nobody else did meanwhile. One whose credentials have expired is ended instead.
   *
   * @param act - may be called several times, each time with another object; what it returned last counts
   */
  async update(
    connectionId: string,
    act: (connection: GatewayConnection) => readonly GatewayOutput[],
  ): Promise<Update> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const stored = await this.#store.readConnection(connectionId);
      if (!stored) return unknown;
      const before = parseConnectionRecord(stored.text);
      const connection = this.restore(before);
      const now = this.#now();
      const outputs = connection.hasExpired(now)
        ? connection.close(now, 'CREDENTIALS_EXPIRED')
        : act(connection);
      if (connection.isOver) return this.#end(connectionId, outputs);
      const { record } = connection;
      if (record === before) return { kind: 'updated', outputs, record };
      const next = { version: stored.version + 1, text: JSON.stringify(record) };
      if (await this.#store.writeConnection(connectionId, next, record.expiresAt)) {
        return { kind: 'updated', outputs, record };
      }
    }
    throw new SourceError('STORE_UNAVAILABLE', 'too many wrote to one connection at once');
  }

  /** Removes a connection, and gives its last record to whoever did. */
  async forget(connectionId: string): Promise<ConnectionRecord | undefined> {
    const text = await this.#store.removeConnection(connectionId);
    return text === undefined ? undefined : parseConnectionRecord(text);
  }

  async #end(connectionId: string, outputs: readonly GatewayOutput[]): Promise<Update> {
    const record = await this.forget(connectionId);
    return record ? { kind: 'ended', outputs, record } : unknown;
  }
}

const unknown: Update = { kind: 'unknown' };
