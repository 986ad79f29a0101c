import { RemoteLogReaders } from '../remote/log-readers.ts';
import type { LogLook } from '../remote/log-readers.ts';
import { Turnstile } from '../remote/turnstile.ts';
import type { PostgresFeed } from './feed.ts';
import type { LogAddress } from './log-address.ts';
import { isPositionId } from './position-id.ts';
import { PostgresLog } from './postgres-log.ts';
import type { PostgresLogOptions } from './postgres-log.ts';

/** What {@link createPostgresLogReaders} needs. */
export interface PostgresLogReadersOptions extends Pick<
  PostgresLogOptions,
  'queries' | 'clock' | 'limits'
> {
  readonly feed: () => PostgresFeed;
  /** A log is read from now on that was not before. */
  readonly onLog: (log: PostgresLog) => void;
}

/** The logs in PostgreSQL that are read. */
export type PostgresLogReaders = RemoteLogReaders<LogAddress, LogLook, PostgresLog>;

/** Pages of history that are read from PostgreSQL at the same time. */
const pagesAtOnce = 8;

/** Logs whose past is read from PostgreSQL at the same time. */
const surveysAtOnce = 8;

export function createPostgresLogReaders(options: PostgresLogReadersOptions): PostgresLogReaders {
  const { feed, onLog, ...shared } = options;
  const turnstiles = { pages: new Turnstile(pagesAtOnce), surveys: new Turnstile(surveysAtOnce) };
  return new RemoteLogReaders({
    nameOf: ({ name }) => name,
    isId: isPositionId,
    look: (address, id) => options.queries.look(address, id),
    create: (address, { epoch, lastId }, firstIndex) =>
      new PostgresLog({ ...shared, ...turnstiles, address, epoch, lastId, firstIndex }),
    reach: (log, id) => feed().reach(log, id),
    events: options.limits.events,
    onLog,
  });
}
