import { createPostgresBroker } from 'millrace/broker/postgres';
import { afterAll, beforeAll, vi } from 'vitest';

import { brokerScaleOutContract } from '../contract/broker-scale-out-contract.ts';
import { sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';

let postgres: PostgresShare;

// a server may have to be started, and many schemas are dropped
vi.setConfig({ hookTimeout: 60_000 });

beforeAll(async () => {
  postgres = await sharePostgres();
});
afterAll(async () => {
  await postgres.close();
});

brokerScaleOutContract('PostgreSQL', async () => {
  const schema = await postgres.createSchema();
  return () => createPostgresBroker({ url: postgres.url, schema });
});
