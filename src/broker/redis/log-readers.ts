import { RemoteLogReaders } from '../remote/log-readers.ts';
import { Turnstile } from '../remote/turnstile.ts';
import { isEntryId } from './entry-id.ts';
import type { LogKeys } from './log-keys.ts';
import type { Look } from './log-looks.ts';
import type { LogPages } from './log-pages.ts';
import { RedisLog } from './redis-log.ts';
import type { RedisLogOptions } from './redis-log.ts';

/** What {@link createRedisLogReaders} needs. */
export interface RedisLogReadersOptions extends Pick<
  RedisLogOptions,
  'looks' | 'clock' | 'limits' | 'codec' | 'onInvalidEntry'
> {
  readonly pages: LogPages;
  /** A log is read from now on that was not before. */
  readonly onLog: () => void;
}

/** The logs in Redis that are read. */
export type RedisLogReaders = RemoteLogReaders<LogKeys, Look, RedisLog>;

/** Logs whose past is read from Redis at the same time. */
const surveysAtOnce = 8;

export function createRedisLogReaders(options: RedisLogReadersOptions): RedisLogReaders {
  const { pages, onLog, ...shared } = options;
  const surveys = new Turnstile(surveysAtOnce);
  return new RemoteLogReaders({
    nameOf: ({ stream }) => stream,
    isId: isEntryId,
    look: (keys, id) => options.looks.look(keys, id),
    create: (keys, { epoch, lastId, added }, firstIndex) =>
      new RedisLog({ ...shared, keys, epoch, lastId, added, firstIndex, surveys }),
    reach: (log, id) => pages.reach(log, id),
    events: options.limits.events,
    onLog,
  });
}
