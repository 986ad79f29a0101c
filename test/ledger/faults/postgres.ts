import type { PostgresBroker } from 'millrace/broker/postgres';
import { createPostgresBroker } from 'millrace/broker/postgres';
import pg from 'pg';

import { query } from '../../support/postgres-server.ts';
import type { LedgerEvent, Stream } from '../events.ts';
import type { Stage } from '../stage.ts';

/** Options of {@link commitOutOfOrder}. */
export interface TransactionOptions {
  /** Pairs of transactions in each stream. */
  readonly pairs: number;
}

/** Between two terminations. */
const betweenMs = 300;

/** At most, between the end of the transaction that began last and the end of the one that began first. */
const openMs = 40;

/** Ends the connections of everybody, as a failover does, and again when they are back. */
export async function terminateBackends(stage: Stage, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await query(
      urlOf(stage),
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    stage.fleet.server(i).proxy.reset();
    await stage.pause(betweenMs);
  }
}

/**
 * Publishes in transactions of which two are open at a time in each stream: the one that inserted first commits last. A third one inserts and rolls back,
 * and another one stays open all the time.
 *
 * @remarks
 * Meanwhile clients are cut off and come back: what they have read must not hide what was inserted before that and committed after it.
 */
export async function commitOutOfOrder(stage: Stage, { pairs }: TransactionOptions): Promise<void> {
  const { publisher } = stage;
  await publisher.stop();
  const url = urlOf(stage);
  const broker = createPostgresBroker({ url });
  try {
    await inTransaction(url, async (idle) => {
      await idle.query('SELECT txid_current()');
      await Promise.all(
        publisher.streams.map((stream) => commitPairs({ stage, stream, broker, pairs })),
      );
      await idle.query('ROLLBACK');
    });
  } finally {
    await broker.close();
  }
  publisher.start();
}

interface Pairs extends TransactionOptions {
  readonly stage: Stage;
  readonly stream: Stream;
  readonly broker: PostgresBroker;
}

async function commitPairs({ stage, stream, broker, pairs }: Pairs): Promise<void> {
  const { topic, key } = stream;
  const insert = (client: pg.Client, event: LedgerEvent): Promise<void> =>
    broker.in(client).publish(topic, key, event);
  await inTransaction(urlOf(stage), (first) =>
    inTransaction(urlOf(stage), async (second) => {
      for (let i = 0; i < pairs; i++) {
        await stage.publisher.publishPair(stream, async (earlier, later) => {
          await insert(first, later);
          await insert(second, earlier);
          await second.query('COMMIT AND CHAIN');
          const position = await broker.head(topic, key);
          stage.fleet.server(stage.randomIndex(3)).proxy.connections.at(0)?.reset();
          await stage.pause(stage.random() * openMs);
          await first.query('COMMIT AND CHAIN');
          return [position, await broker.head(topic, key)];
        });
        // nobody may ever see it
        await insert(second, stage.publisher.unpublished(stream));
        await second.query('ROLLBACK AND CHAIN');
      }
      await first.query('ROLLBACK');
      await second.query('ROLLBACK');
    }),
  );
}

async function inTransaction(
  url: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('BEGIN');
    await work(client);
  } finally {
    await client.end();
  }
}

function urlOf({ fleet }: Stage): string {
  if (fleet.brokerSettings?.kind !== 'postgres')
    throw new Error('the events are not in PostgreSQL');
  return fleet.brokerSettings.url;
}
