import pg from 'pg';

import { UsageError } from '../../errors.ts';
import type { PostgresPoolLike } from './client-like.ts';

/** Where a broker finds its connections. */
export interface PostgresConnections {
  /** For what is published, and for cleaning. */
  readonly pool: PostgresPoolLike;
  /** A client that is not connected yet. */
  readonly createClient: () => pg.Client;
  /** Closes what was made here. */
  close(): Promise<void>;
}

/** How one is told where PostgreSQL is. */
export interface PostgresAddress {
  readonly url?: string;
  readonly pool?: PostgresPoolLike;
}

/** Throws a `UsageError` for an address that is none. */
export function toConnections(
  { url, pool }: PostgresAddress,
  timeoutMs: number,
): PostgresConnections {
  if (url === undefined && pool === undefined)
    throw new UsageError('a postgres broker needs `url` or `pool`');
  const settings = url === undefined ? (pool?.options ?? {}) : { connectionString: url };
  const createClient = () => new pg.Client(settings);
  assertAddress(createClient);
  if (pool !== undefined) return { pool, createClient, close: async () => {} };
  const own = new pg.Pool({
    ...settings,
    max: ownClients,
    connectionTimeoutMillis: timeoutMs,
    allowExitOnIdle: true,
  });
  // a client that breaks while nobody uses it is made again when somebody does
  own.on('error', () => {});
  return { pool: own, createClient, close: () => own.end() };
}

function assertAddress(createClient: () => pg.Client): void {
  try {
    createClient();
  } catch (cause) {
    throw new UsageError('the address of PostgreSQL cannot be understood', { cause });
  }
}

/** One publishes, one cleans. */
const ownClients = 2;
