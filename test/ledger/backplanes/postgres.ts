import { postgresMigration } from 'millrace/broker/postgres';

import { PostgresServer, query } from '../../support/postgres-server.ts';
import type { Backplane, BackplaneKind, Persistence } from './types.ts';

/** Where the broker has its events if nobody says otherwise. */
const table = 'millrace.outbox';

export const postgres: BackplaneKind = {
  title: 'PostgreSQL',
  means: { stall: 'LOCK TABLE', trim: 'DELETE' },
  start: (persistence) => PostgresBackplane.create(persistence),
};

class PostgresBackplane implements Backplane {
  readonly #server: PostgresServer;
  readonly #persistence: Persistence;

  static async create(persistence: Persistence): Promise<PostgresBackplane> {
    const server = await PostgresServer.start();
    await query(server.url, postgresMigration());
    // a standby that never got any event
    if (persistence === 'nothing') await server.copy();
    return new PostgresBackplane(server, persistence);
  }

  private constructor(server: PostgresServer, persistence: Persistence) {
    this.#server = server;
    this.#persistence = persistence;
  }

  get port(): number {
    return this.#server.port;
  }

  urlAt(port: number): string {
    const url = new URL(this.#server.url);
    url.port = String(port);
    return url.href;
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  start(): Promise<void> {
    return this.#persistence === 'nothing' ? this.#server.failOver() : this.#server.start();
  }

  async stall(durationMs: number): Promise<void> {
    await query(
      this.#server.url,
      `BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(${durationMs / 1_000}); COMMIT`,
    );
  }

  async trim(topic: string, key: string): Promise<void> {
    const newest = `SELECT id FROM ${table} WHERE topic = $1 AND key = $2 AND place IS NOT NULL ORDER BY place DESC LIMIT 2`;
    await query(
      this.#server.url,
      `DELETE FROM ${table} WHERE topic = $1 AND key = $2 AND place IS NOT NULL AND id NOT IN (${newest})`,
      [topic, key],
    );
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}
