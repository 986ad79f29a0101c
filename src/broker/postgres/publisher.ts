import type { SourceError } from '../../errors.ts';
import type { Instant, Position } from '../../vocabulary.ts';
import { brokerClosed, failureOf, notStorable, toSourceError, unavailable } from './failures.ts';
import type { Failure } from './failures.ts';
import type { PostgresNames } from './names.ts';
import { withClient } from './pool-client.ts';
import type { PoolOptions, Rows } from './pool-client.ts';
import { toPositionId } from './position-id.ts';
import { toColumns } from './publication.ts';
import type { Publication } from './publication.ts';
import { toPublishStatement } from './statements.ts';

/** What a {@link PostgresPublisher} is made from. */
export interface PostgresPublisherOptions extends PoolOptions {
  readonly names: PostgresNames;
  /** PostgreSQL answered, or could not be reached. */
  readonly onChange: () => void;
}

/** Events that are published by one statement. */
const eventsPerStatement = 500;

/** Characters of these events, about. */
const charactersPerStatement = 4_194_304;

/** Events of one `publishMany` that wait at the same time. */
const eventsAtOnce = 2_500;

/** Publications that may wait; each of them for no longer than its time-out. */
const waitingPublications = 10_000;

const firstDelayMs = 20;
const longestDelayMs = 1_000;

/**
 * Publishes in the order of the calls, with one statement at a time: what is asked for meanwhile goes with the next.
 *
 * @remarks
 * What PostgreSQL certainly did not do is tried again until its time is over; what it may have done only if it has an id.
 */
export class PostgresPublisher {
  readonly #options: PostgresPublisherOptions;
  readonly #statement: string;
  #waiting: Pending[] = [];
  #state: 'new' | 'idle' | 'running' | 'closed' = 'new';
  #run: Promise<void> = Promise.resolve();
  #failures = 0;
  #lastError: unknown;
  /** After something could not be stored: everything goes alone until that is found. */
  #alone = 0;
  /** After one log had to wait for somebody: so many go log by log, until that is found. */
  #apart = 0;
  #endPause: (() => void) | undefined;

  constructor(options: PostgresPublisherOptions) {
    this.#options = options;
    this.#statement = toPublishStatement(options.names);
  }

  get isReady(): boolean {
    return this.#failures === 0;
  }

  get isNew(): boolean {
    return this.#state === 'new';
  }

  /** Why it is not ready. */
  get lastError(): unknown {
    return this.#lastError;
  }

  publish(publication: Publication): Promise<Position> {
    return this.#add(publication, { error: undefined });
  }

  /** In their order; none of those after the first one that fails is published. */
  async publishMany(publications: readonly Publication[]): Promise<readonly Position[]> {
    const group: PublicationGroup = { error: undefined };
    const positions: Position[] = [];
    for (let i = 0; i < publications.length; i += eventsAtOnce) {
      const part = publications.slice(i, i + eventsAtOnce);
      positions.push(
        ...(await Promise.all(part.map((publication) => this.#add(publication, group)))),
      );
    }
    return positions;
  }

  /** The statement that is under way is awaited, for no longer than it may take; what waits is refused. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#endPause?.();
    for (const pending of this.#waiting.splice(0)) this.#fail(pending, brokerClosed());
    await this.#run;
  }

  #add(publication: Publication, group: PublicationGroup): Promise<Position> {
    return new Promise<Position>((resolve, reject) => {
      if (this.#state === 'closed') throw brokerClosed();
      if (this.#waiting.length >= waitingPublications)
        throw unavailable('too many publications wait for PostgreSQL', this.#lastError);
      const { clock, timeoutMs } = this.#options;
      const giveUpAt = clock.now() + timeoutMs;
      const pending: Pending = {
        publication,
        group,
        resolve,
        reject,
        giveUpAt,
        stopTimer: () => {},
        isOver: false,
      };
      pending.stopTimer = clock.schedule(
        () =>
          this.#fail(pending, unavailable('PostgreSQL did not answer in time', this.#lastError)),
        this.#options.timeoutMs,
      );
      this.#waiting.push(pending);
      if (this.#state !== 'running') this.#run = this.#publishAll();
      this.#state = 'running';
    });
  }

  /** Never rejects. */
  async #publishAll(): Promise<void> {
    // what is asked for in one turn goes together
    await Promise.resolve();
    while (this.#state === 'running' && this.#isWanted()) {
      const outcome = await this.#publishSome();
      if (outcome === 'failed') await this.#pause();
    }
    if (this.#state === 'running') this.#state = 'idle';
  }

  async #publishSome(): Promise<'done' | 'failed'> {
    let batch: readonly Pending[] = [];
    try {
      await withClient(this.#options, async (run) => {
        // not before there is a client: what is refused meanwhile must not be published any more
        batch = this.#takeBatch();
        if (batch.length === 0) return;
        const rows = await run(this.#statement, [
          ...toColumns(batch.map(({ publication }) => publication)),
          this.#lockTimeoutMs(batch),
        ]);
        for (const [i, pending] of batch.entries()) this.#settle(pending, rows[i] ?? []);
      });
      this.#alone = Math.max(0, this.#alone - 1);
      this.#note(undefined);
      return 'done';
    } catch (error) {
      return this.#recover(error, batch);
    }
  }

  #isWanted(): boolean {
    for (const pending of this.#waiting) {
      const { error } = pending.group;
      if (error !== undefined && !pending.isOver) this.#fail(pending, error);
    }
    this.#waiting = this.#waiting.filter(({ isOver }) => !isOver);
    return this.#waiting.length > 0;
  }

  /** The first of what waits and is still wanted; of one log only where logs go apart. */
  #takeBatch(): readonly Pending[] {
    if (!this.#isWanted()) return [];
    const most = this.#alone > 0 ? 1 : eventsPerStatement;
    const [head] = this.#waiting;
    const name = head && this.#apart > 0 ? logOf(head) : undefined;
    const batch = new Set<Pending>();
    let characters = 0;
    for (const pending of this.#waiting) {
      if (name !== undefined && logOf(pending) !== name) continue;
      characters += pending.publication.text.length;
      if (batch.size === most || (batch.size > 0 && characters > charactersPerStatement)) break;
      batch.add(pending);
    }
    this.#waiting = this.#waiting.filter((pending) => !batch.has(pending));
    this.#apart = Math.max(0, this.#apart - batch.size);
    return [...batch];
  }

  /** What was not sent waits anyway. */
  #recover(error: unknown, batch: readonly Pending[]): 'done' | 'failed' {
    const failure = failureOf(error);
    if (failure === 'content' && batch.length > 1 && this.#state !== 'closed') {
      this.#alone = batch.length;
      this.#waiting.unshift(...batch);
      return 'done';
    }
    this.#alone = Math.max(0, this.#alone - 1);
    if (failure === 'taken' && this.#state !== 'closed') {
      this.#setAside(error, batch);
      return 'done';
    }
    const mayRepeat = (pending: Pending) =>
      (failure === 'again' || (failure === 'unknown' && pending.publication.id !== null)) &&
      this.#restMs(pending) > this.#options.timeoutMs / 4;
    const again = this.#state === 'closed' ? [] : batch.filter(mayRepeat);
    for (const pending of batch) {
      if (!again.includes(pending)) this.#fail(pending, this.#toError(failure, error));
    }
    this.#waiting.unshift(...again);
    if (failure === 'content') return 'done';
    this.#note(error);
    return 'failed';
  }

  /** Others go first, but nothing of the same log: in it the order stays. */
  #setAside(error: unknown, batch: readonly Pending[]): void {
    const isInTime = (pending: Pending) => this.#restMs(pending) > this.#options.timeoutMs / 4;
    for (const pending of batch) {
      if (!isInTime(pending)) this.#fail(pending, this.#toError('taken', error));
    }
    const logs = new Set(batch.map(logOf));
    const isAside = (pending: Pending) => logs.size === 1 && logs.has(logOf(pending));
    const waiting = [...batch.filter(isInTime), ...this.#waiting];
    this.#waiting = [...waiting.filter((each) => !isAside(each)), ...waiting.filter(isAside)];
    this.#apart = this.#waiting.length;
  }

  /** Whoever gives up before its publication does is not published after it was refused. */
  #lockTimeoutMs(batch: readonly Pending[]): number {
    const restMs = Math.min(...batch.map((pending) => this.#restMs(pending)));
    return Math.max(1, Math.floor((restMs * 3) / 4));
  }

  #restMs({ giveUpAt }: Pending): number {
    return giveUpAt - this.#options.clock.now();
  }

  #toError(failure: Failure, cause: unknown): SourceError {
    if (this.#state === 'closed') return brokerClosed();
    return failure === 'content'
      ? notStorable(cause)
      : toSourceError('PostgreSQL did not publish', cause);
  }

  /** Whether PostgreSQL answered. */
  #note(error: unknown): void {
    this.#failures = error === undefined ? 0 : this.#failures + 1;
    this.#lastError = error ?? this.#lastError;
    this.#options.onChange();
  }

  #pause(): Promise<void> {
    const delayMs = Math.min(firstDelayMs * 2 ** this.#failures, longestDelayMs);
    return new Promise((resolve) => {
      const stopTimer = this.#options.clock.schedule(resolve, delayMs);
      this.#endPause = () => {
        stopTimer();
        resolve();
      };
    });
  }

  #settle(pending: Pending, [epoch, place, tag]: Rows[number]): void {
    pending.stopTimer();
    pending.isOver = true;
    pending.resolve({ epoch: epoch ?? '', offset: toPositionId(place ?? '0', tag ?? '0') });
  }

  #fail(pending: Pending, error: SourceError): void {
    pending.stopTimer();
    pending.isOver = true;
    pending.group.error ??= error;
    pending.reject(error);
  }
}

interface Pending {
  readonly publication: Publication;
  readonly group: PublicationGroup;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: SourceError) => void;
  readonly giveUpAt: Instant;
  stopTimer: () => void;
  /** It was answered. */
  isOver: boolean;
}

function logOf({ publication }: Pending): string {
  return publication.address.name;
}

/** What was asked for together. */
interface PublicationGroup {
  /** That of the first that failed. */
  error: SourceError | undefined;
}
