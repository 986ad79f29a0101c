import type { Turnstile } from '../remote/turnstile.ts';
import type { RedisConnection } from './connection.ts';
import type { LogKeys } from './log-keys.ts';
import { parseLogView } from './replies.ts';
import type { LogView } from './replies.ts';
import { lookScript } from './scripts.ts';

/** What {@link LogLooks} are made from. */
export interface LogLooksOptions {
  readonly commands: RedisConnection;
  readonly idleMs: number;
  readonly createEpoch: () => string;
  /** Bounds what answers with entries take in memory. */
  readonly turnstile: Turnstile;
}

/** A log as it was at one moment after somebody asked. */
export interface Look extends LogView {
  /** Everything after the position that was asked about is held; `false` without one. */
  readonly isHeld: boolean;
}

/** Entries of a log, and what is asked about it at the same moment. */
export interface PageRequest {
  /** The entries stand after this one. */
  readonly after: string;
  /** The last entry that is wanted; `+` for the last one that there is. */
  readonly upTo: string;
  readonly count: number;
  /** Whether everything after it is held is the first answer. */
  readonly known?: string;
}

/** Positions that one look asks about at most. */
const positionsPerLook = 1_000;

/**
 * Looks at logs in Redis.
 *
 * @remarks
 * Whoever asks about one log at the same moment shares a look: one is under way at a time, and those who ask meanwhile share the next one. A look
 * answers only for those who had asked before it was sent, so it shows whatever was published before they asked.
 */
export class LogLooks {
  readonly #options: LogLooksOptions;
  readonly #logs = new Map<string, LooksAtLog>();

  constructor(options: LogLooksOptions) {
    this.#options = options;
  }

  async look(keys: LogKeys, position?: string): Promise<Look> {
    const { positions, view } = this.#join(keys, position);
    const index = position === undefined ? undefined : positions.get(position);
    const seen = await view;
    return { ...seen, isHeld: index !== undefined && seen.held[index] === true };
  }

  /** A part of the log as it is now; not shared with anybody. */
  page(keys: LogKeys, request: PageRequest): Promise<LogView> {
    const { after, upTo, count, known } = request;
    const positions = known === undefined ? [] : [known];
    return this.#options.turnstile.pass(() =>
      this.#ask(keys, [after, upTo, String(count), ...positions]),
    );
  }

  /** A look that has not been sent, with `position` among what it asks about. */
  #join(keys: LogKeys, position: string | undefined): SharedLook {
    const log = this.#logs.get(keys.stream) ?? { unanswered: 0, last: undefined, next: undefined };
    this.#logs.set(keys.stream, log);
    const { next } = log;
    const shared = next && hasRoomFor(next.positions, position) ? next : undefined;
    const positions = shared?.positions ?? new Map<string, number>();
    if (position !== undefined && !positions.has(position)) positions.set(position, positions.size);
    return shared ?? this.#plan(keys, log, positions);
  }

  /** Sent at once if no other look is under way, otherwise after the last one. */
  #plan(keys: LogKeys, log: LooksAtLog, positions: Map<string, number>): SharedLook {
    const ask = () => this.#ask(keys, ['', '+', '0', ...positions.keys()]);
    const { last } = log;
    const view =
      last === undefined
        ? ask()
        : last.then(() => {
            if (log.next?.positions === positions) log.next = undefined;
            return ask();
          });
    log.unanswered += 1;
    const settle = () => {
      log.unanswered -= 1;
      if (log.unanswered === 0) this.#logs.delete(keys.stream);
    };
    log.last = view.then(settle, settle); // whoever shares the look is told
    const shared = { positions, view };
    if (last !== undefined) log.next = shared;
    return shared;
  }

  async #ask(keys: LogKeys, question: readonly string[]): Promise<LogView> {
    const { commands, createEpoch, idleMs } = this.#options;
    const reply = await commands.run({
      repeat: 'until-answered',
      args: [
        'EVAL',
        lookScript,
        '2',
        keys.stream,
        keys.epoch,
        createEpoch(),
        String(idleMs),
      ].concat(question),
    });
    return parseLogView(reply);
  }
}

function hasRoomFor(positions: ReadonlyMap<string, number>, position: string | undefined): boolean {
  const isNew = position !== undefined && !positions.has(position);
  return !isNew || positions.size < positionsPerLook;
}

interface LooksAtLog {
  unanswered: number;
  /** Settles with the last one that was planned; `undefined` before there was one. */
  last: Promise<void> | undefined;
  /** The last one that has not been sent, for others to join. */
  next: SharedLook | undefined;
}

interface SharedLook {
  /** Where in the question each position stands. */
  readonly positions: Map<string, number>;
  readonly view: Promise<LogView>;
}
