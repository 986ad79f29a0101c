import { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import { Turnstile } from '../remote/turnstile.ts';
import type { NatsLink } from './connection.ts';
import { FeedSession } from './feed-session.ts';
import type { FedMessage } from './feed-session.ts';
import type { LogLooks } from './log-looks.ts';
import type { NatsLog, StoredMessage } from './nats-log.ts';
import type { NatsStream, NatsStreamState } from './stream.ts';
import { Waiters } from './waiters.ts';

/** What a {@link NatsFeed} is made from. */
export interface NatsFeedOptions {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  readonly looks: LogLooks;
  readonly clock: Clock;
  /** By their subjects. */
  readonly logs: ReadonlyMap<string, NatsLog>;
  readonly timeoutMs: number;
  /** Events that a log keeps. */
  readonly events: number;
  /** Called for a log that lacks something. */
  readonly onLost: (log: NatsLog, why: string) => void;
  /** It reads, or cannot read. */
  readonly onChange: () => void;
}

/** Between attempts to read while NATS is away. */
const pauseMs = 200;

/** Of the queue, those that were dealt with leave it together. */
const compactedItems = 1_024;

/** The server does not take less. */
const shortestHeartbeatMs = 100;

/** Logs about which NATS is asked at the same time. */
const checksAtOnce = 64;

/**
 * Reads the whole stream with one consumer, and gives each log what is its own.
 *
 * @remarks
 * Sequences without a gap show that nothing was missed. Where there is a gap something left the stream unread, from whichever log: nothing is
 * given to anybody before NATS has said of each log whether it still has the last message that was read of it.
 */
export class NatsFeed {
  readonly #options: NatsFeedOptions;
  readonly #expected = new Map<string, ExpectedLog>();
  readonly #waiters: Waiters;
  readonly #checks = new Turnstile(checksAtOnce);
  #state: FeedState = { kind: 'idle' };
  /** Everything up to here has been given to the logs. */
  #processed = 0;
  /** Gaps before this one are not gaps for any log. */
  #checkedThrough = 0;
  #received = 0;
  #queue: QueuedItem[] = [];
  #isDelivering = false;
  #turn = { number: 0, isOpen: false };
  #lastError: unknown;

  constructor(options: NatsFeedOptions) {
    this.#options = options;
    this.#waiters = new Waiters(options.clock, options.timeoutMs);
  }

  /** Everything up to here has been given to the logs. */
  get processedSequence(): number {
    return this.#processed;
  }

  get isReading(): boolean {
    return this.#state.kind === 'running';
  }

  /** Why it cannot read; `undefined` if it can, or has nothing to read. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** From when this resolves until what it gives is called, what is published to a log is kept for whoever makes that log. */
  async expect(subject: string): Promise<() => void> {
    const expected = this.#expected.get(subject) ?? new ExpectedLog(this.#options.events);
    this.#expected.set(subject, expected);
    expected.users += 1;
    const release = () => {
      expected.users -= 1;
      if (expected.users === 0) this.#expected.delete(subject);
    };
    try {
      await this.#start();
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What was published to a log that is expected. */
  expectedOf(subject: string): ExpectedMessages {
    return this.#expected.get(subject) ?? { messages: [], completeAfter: 0 };
  }

  /** Resolves once `log` holds everything up to `sequence`, which is stored, or has ended. */
  async reach(log: NatsLog, sequence: number): Promise<void> {
    while (!log.hasEnded && log.lastSequence < sequence) {
      if (this.#processed >= sequence) return log.skipTo(sequence);
      await this.#waitFor(sequence);
    }
  }

  /** The stream is another one: reading goes on after what it had when that was found out. */
  restart({ lastSequence }: NatsStreamState): void {
    this.#processed = lastSequence;
    this.#checkedThrough = lastSequence;
    this.#received = lastSequence;
    for (const expected of this.#expected.values()) expected.clear();
    this.#endSession();
    this.#waiters.wakeAll();
  }

  /** Begins anew where it is, and finds out whether something is missing. */
  renew(): void {
    this.#endSession();
  }

  close(): void {
    this.#endSession();
    this.#state = { kind: 'closed' };
    this.#waiters.wakeAll();
  }

  /** Resolves once it is known from where on everything is read. */
  async #start(): Promise<void> {
    if (this.#state.kind === 'idle') {
      const begun = this.#begin();
      this.#state = { kind: 'beginning', begun };
    }
    if (this.#state.kind === 'beginning') await this.#state.begun;
  }

  async #begin(): Promise<void> {
    try {
      const { lastSequence } = await this.#options.stream.state();
      if (this.#isClosed()) return;
      this.#processed = lastSequence;
      this.#checkedThrough = lastSequence;
      this.#state = { kind: 'running', session: undefined };
      void this.#run(); // never rejects
    } catch (error) {
      if (!this.#isClosed()) this.#state = { kind: 'idle' };
      throw error;
    }
  }

  /** Ends when there is nothing to read any more. */
  async #run(): Promise<void> {
    while (this.#state.kind === 'running') {
      if (!this.#isNeeded()) {
        this.#state = { kind: 'idle' };
        this.#setError(undefined);
        return;
      }
      const session = this.#createSession();
      this.#state = { kind: 'running', session };
      try {
        await this.#open(session);
        this.#setError(undefined);
        await session.ended;
        if (session.error !== undefined) throw session.error;
      } catch (error) {
        session.close();
        if (this.#isClosed()) return;
        this.#setError(error);
        await new Promise<void>((resume) => this.#options.clock.schedule(resume, pauseMs));
      }
    }
  }

  async #open(session: FeedSession): Promise<void> {
    const state = await this.#options.stream.check();
    if (session.isOver) return;
    this.#received = this.#processed;
    const pending = await session.start(this.#processed + 1);
    // asked last: a consumer leaves with its stream, so this one is of the stream that is known, and not of one made meanwhile
    await this.#options.stream.state();
    if (session.isOver || pending > 0 || state.lastSequence <= this.#processed) return;
    const next = await this.#options.stream.firstAfter(this.#processed);
    // it still comes: the consumer is on a server that does not have yet what the leader has
    if (session.isOver || (next !== undefined && next.seq <= state.lastSequence)) return;
    // what stood at the end of the stream has left it
    await this.#checkLogs();
    if (!session.isOver && this.#queue.length === 0) this.#advance(state.lastSequence);
  }

  #createSession(): FeedSession {
    const { link, stream, clock, timeoutMs } = this.#options;
    this.#queue = [];
    const session = new FeedSession({
      link,
      clock,
      stream: stream.name,
      heartbeatMs: Math.max(shortestHeartbeatMs, timeoutMs),
      isNeeded: () => this.#isNeeded(),
      onMessage: (message) => {
        this.#received = message.sequence;
        this.#enqueue(message);
      },
      onFlowControl: (respond) => this.#enqueue(respond),
    });
    return session;
  }

  #isNeeded(): boolean {
    return this.#options.logs.size > 0 || this.#expected.size > 0;
  }

  #enqueue(item: QueuedItem): void {
    this.#queue.push(item);
    if (!this.#isDelivering) void this.#deliver(); // never rejects
  }

  async #deliver(): Promise<void> {
    this.#isDelivering = true;
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      try {
        await this.#deliverFrom(queue);
      } catch {
        // NATS is away, so the check is made again with the next session
        this.#endSession();
      }
    }
    this.#isDelivering = false;
  }

  /** Empties `queue`, unless it is not the one of the session any more. */
  async #deliverFrom(queue: QueuedItem[]): Promise<void> {
    for (let next = 0; next < queue.length; next += 1) {
      const item = queue[next];
      if (typeof item === 'function') item();
      else if (item !== undefined) {
        if (this.#isGapBefore(item)) await this.#checkLogs();
        while (queue === this.#queue && !this.#give(item)) await this.#nextTurn();
        if (queue !== this.#queue) return;
      }
      if (next < compactedItems) continue;
      queue.splice(0, next + 1);
      next = -1;
    }
    // at once: what comes from now on is for the next round
    queue.splice(0);
  }

  #isGapBefore({ sequence }: FedMessage): boolean {
    return sequence > this.#processed + 1 && sequence > this.#checkedThrough;
  }

  /** False if there is no room for it in this turn. */
  #give(message: FedMessage): boolean {
    const log = this.#options.logs.get(message.subject);
    if (log !== undefined && !log.hasRoom(this.#currentTurn())) return false;
    log?.append(message);
    this.#expected.get(message.subject)?.add(message);
    this.#advance(message.sequence);
    return true;
  }

  #advance(sequence: number): void {
    this.#processed = Math.max(this.#processed, sequence);
    this.#options.stream.remember(sequence);
    this.#waiters.reach(sequence);
  }

  /** Rejects if NATS is away. */
  async #checkLogs(): Promise<void> {
    const [queue, through] = [this.#queue, this.#received];
    const checked = new Set<NatsLog>();
    for (let rest = this.#logsBut(checked); rest.length > 0; rest = this.#logsBut(checked)) {
      await Promise.all(rest.map((log) => this.#checks.pass(() => this.#checkLog(log))));
      for (const log of rest) checked.add(log);
    }
    // where the session is another one by now, so may be the stream
    if (queue === this.#queue) this.#checkedThrough = Math.max(this.#checkedThrough, through);
  }

  #logsBut(checked: ReadonlySet<NatsLog>): readonly NatsLog[] {
    return [...this.#options.logs.values()].filter((log) => !checked.has(log));
  }

  async #checkLog(log: NatsLog): Promise<void> {
    const { looks, onLost } = this.#options;
    if (!(await looks.holdsAfter(log.name, log.lastSequence)))
      onLost(log, 'events left the stream in NATS before this process had read them');
  }

  #currentTurn(): number {
    if (!this.#turn.isOpen) void this.#nextTurn(); // never rejects
    return this.#turn.number;
  }

  async #nextTurn(): Promise<void> {
    this.#turn.isOpen = true;
    await this.#options.clock.turn();
    this.#turn = { number: this.#turn.number + 1, isOpen: false };
  }

  async #waitFor(sequence: number): Promise<void> {
    if (this.#isClosed()) return;
    try {
      await this.#waiters.wait(sequence);
    } catch {
      this.renew();
      throw new SourceError('BROKER_UNAVAILABLE', 'NATS did not deliver in time', {
        cause: this.#lastError,
      });
    }
  }

  #endSession(): void {
    if (this.#state.kind !== 'running') return;
    this.#state.session?.close();
    this.#queue = [];
  }

  #setError(error: unknown): void {
    const hasChanged = error !== this.#lastError;
    this.#lastError = error;
    if (hasChanged && !this.#isClosed()) this.#options.onChange();
  }

  #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }
}

/** A message, or what tells the server that everything before was dealt with. */
type QueuedItem = FedMessage | (() => void);

type FeedState =
  | { readonly kind: 'idle' | 'closed' }
  | { readonly kind: 'beginning'; readonly begun: Promise<void> }
  | { readonly kind: 'running'; readonly session: FeedSession | undefined };

/** Messages of a log that nobody holds yet. */
export interface ExpectedMessages {
  readonly messages: readonly StoredMessage[];
  /** Nothing is missing after this one. */
  readonly completeAfter: number;
}

class ExpectedLog implements ExpectedMessages {
  readonly messages: StoredMessage[] = [];
  completeAfter = 0;
  /** Who are about to read it. */
  users = 0;
  readonly #events: number;

  /** @param events - that are kept at most, about */
  constructor(events: number) {
    this.#events = events;
  }

  add(message: StoredMessage): void {
    this.messages.push(message);
    if (this.messages.length < 2 * this.#events) return;
    const dropped = this.messages.splice(0, this.#events);
    this.completeAfter = dropped.at(-1)?.sequence ?? this.completeAfter;
  }

  clear(): void {
    this.messages.splice(0);
    this.completeAfter = 0;
  }
}
