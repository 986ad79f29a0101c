import { RemoteLogReaders } from '../remote/log-readers.ts';
import { Turnstile } from '../remote/turnstile.ts';
import type { NatsFeed } from './feed.ts';
import type { LogLooks, NatsLook } from './log-looks.ts';
import { NatsLog } from './nats-log.ts';
import type { NatsLogOptions } from './nats-log.ts';
import type { NatsStream } from './stream.ts';

/** What {@link createNatsLogReaders} needs. */
export interface NatsLogReadersOptions extends Pick<
  NatsLogOptions,
  'pages' | 'clock' | 'limits' | 'codec' | 'onInvalidEntry'
> {
  readonly stream: NatsStream;
  readonly looks: LogLooks;
  readonly feed: () => NatsFeed;
  /** A log is read from now on that was not before. */
  readonly onLog: () => void;
}

/** The logs in NATS that are read, by their subjects. */
export type NatsLogReaders = RemoteLogReaders<string, NatsLook, NatsLog>;

/** Logs whose past is read from NATS at the same time. */
const surveysAtOnce = 8;

/** The sequence of a message; zero is none. */
const sequence = /^[1-9]\d{0,15}$/;

export function createNatsLogReaders(options: NatsLogReadersOptions): NatsLogReaders {
  const { stream, looks, feed, onLog, ...shared } = options;
  const surveys = new Turnstile(surveysAtOnce);
  const create = (subject: string, look: NatsLook, firstIndex: number): NatsLog => {
    const { epoch, lastAt, quietSince } = look;
    const { messages, completeAfter } = feed().expectedOf(subject);
    const lastId = String(Math.max(completeAfter, Number(look.lastId)));
    const log = new NatsLog({
      ...shared,
      name: subject,
      epoch,
      lastId,
      lastAt,
      quietSince,
      firstIndex,
      surveys,
    });
    for (const message of messages) log.append(message);
    if (epoch !== stream.epoch) log.lose('the stream in NATS is another one than before');
    return log;
  };
  return new RemoteLogReaders({
    nameOf: (subject) => subject,
    isId: (offset) => sequence.test(offset) && Number.isSafeInteger(Number(offset)),
    look: (subject, id) => looks.look(subject, id),
    create,
    expect: (subject) => feed().expect(subject),
    reach: (log, id) => feed().reach(log, Number(id)),
    events: options.limits.events,
    onLog,
  });
}
