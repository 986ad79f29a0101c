import type { Clock } from '../../vocabulary.ts';
import { toQuery } from './client-like.ts';
import type { PostgresPoolClientLike, PostgresPoolLike } from './client-like.ts';
import { failureOf } from './failures.ts';

/** What PostgreSQL answers: the columns of each row as texts. */
export type Rows = readonly (readonly (string | null)[])[];

/** Runs a statement. */
export type Run = (text: string, values: readonly unknown[]) => Promise<Rows>;

/** Where clients come from, and how long a statement may take. */
export interface PoolOptions {
  readonly pool: PostgresPoolLike;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Lends a client to `task`, whose statements have the time-out together; one that broke or refused is not used again. */
export async function withClient<Result>(
  { pool, clock, timeoutMs }: PoolOptions,
  task: (run: Run) => Promise<Result>,
): Promise<Result> {
  const client = await lend(pool, clock, timeoutMs);
  let isLent = true;
  const giveBack = (destroy: boolean) => {
    if (!isLent) return;
    isLent = false;
    stopTimer();
    client.release(destroy);
    client.removeListener('error', breakUp);
  };
  const breakUp = () => giveBack(true);
  // a connection that says nothing may be dead, which could take a quarter of an hour to show
  const stopTimer = clock.schedule(breakUp, timeoutMs);
  client.on('error', breakUp);
  try {
    const result = await task(async (text, values) => {
      const { rows } = await client.query(toQuery(text, values));
      return rows as unknown as Rows; // as the query says
    });
    giveBack(false);
    return result;
  } catch (error) {
    giveBack(!['content', 'taken'].includes(failureOf(error)));
    throw error;
  }
}

/** A pool may have none for as long as others keep theirs. */
function lend(
  pool: PostgresPoolLike,
  clock: Clock,
  timeoutMs: number,
): Promise<PostgresPoolClientLike> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const stopTimer = clock.schedule(() => {
      isLate = true;
      reject(new Error('the pool had no connection in time'));
    }, timeoutMs);
    pool.connect().then(
      (client) => {
        stopTimer();
        return isLate ? client.release() : resolve(client);
      },
      (error: unknown) => {
        stopTimer();
        reject(error);
      },
    );
  });
}
