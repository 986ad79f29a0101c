import { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import { asBytes } from './client-like.ts';
import type { CreateRedisClient, RedisClientLike } from './client-like.ts';

/** A command for Redis. */
export interface RedisCommand {
  readonly args: readonly (string | Buffer)[];
  /** Instead of the time-out of the connection. */
  readonly timeoutMs?: number;
  /** Whether it does no harm if Redis carries it out twice. @defaultValue 'once' */
  readonly repeat?: 'once' | 'until-answered';
}

/** What a {@link RedisConnection} is made from. */
export interface RedisConnectionOptions {
  readonly createClient: CreateRedisClient;
  readonly clock: Clock;
  /** How long a command may take, and the connecting. */
  readonly timeoutMs: number;
  /** The connection came up, or was lost. */
  readonly onChange: () => void;
  /** The connection came up again, after a time in which Redis may have lost something. */
  readonly onReturn?: () => void;
}

const firstDelayMs = 50;
const longestDelayMs = 1_000;

/** Commands that may wait for the connection; each of them for no longer than its time-out. */
const waitingCommands = 10_000;

/**
 * A connection that is made again whenever it is lost.
 *
 * @remarks
 * Commands reach Redis in the order of their calls. One that was under way when the connection was lost is repeated only if that does no
 * harm: nobody knows whether Redis carried it out. Every command settles within its time-out, with `BROKER_UNAVAILABLE` where Redis did not do it.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  #state: ConnectionState = { kind: 'new' };
  readonly #waiting = new Set<PendingCommand>();
  /** What commands come to, each of which settles within its time-out. */
  readonly #running = new Set<Promise<unknown>>();
  #failures = 0;
  #sessions = 0;
  #lastError: unknown;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  /** Nobody has asked for it yet. */
  get isNew(): boolean {
    return this.#state.kind === 'new';
  }

  /** How often it has come up. */
  get sessions(): number {
    return this.#sessions;
  }

  /** Why it is not up; `undefined` before it was ever lost. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Connects; does nothing if that was done before. */
  start(): void {
    if (this.#state.kind === 'new') this.#connect();
  }

  /** The answer of Redis, with texts as bytes. */
  run(command: RedisCommand): Promise<unknown> {
    this.start();
    const outcome = new Promise<unknown>((resolve, reject) => {
      if (this.#state.kind === 'closed') return reject(closed());
      if (this.#state.kind !== 'ready' && this.#waiting.size >= waitingCommands)
        return reject(this.#unavailable('too many commands wait for Redis'));
      const pending: PendingCommand = {
        command,
        resolve,
        reject,
        stopTimer: () => {},
        hasExpired: false,
      };
      pending.stopTimer = this.#options.clock.schedule(
        () => this.#expire(pending),
        command.timeoutMs ?? this.#options.timeoutMs,
      );
      if (this.#state.kind === 'ready') this.#send(pending, this.#state.client);
      else this.#waiting.add(pending);
    });
    const forget = () => this.#running.delete(outcome);
    this.#running.add(outcome);
    outcome.then(forget, forget);
    return outcome;
  }

  /** Gives the connection up and makes another. */
  renew(error: unknown): void {
    if (this.#state.kind === 'ready') this.#lose(this.#state.client, error);
  }

  /** Answers that are under way are awaited for as long as a command may take. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.kind === 'pausing' || state.kind === 'connecting') state.stopTimer();
    for (const pending of this.#waiting) {
      pending.stopTimer();
      pending.reject(closed());
    }
    this.#waiting.clear();
    if (state.kind === 'connecting') state.client.destroy();
    if (state.kind !== 'ready') return;
    // not the client's own way to close: that waits for ever for what a server that has gone does not answer
    await Promise.allSettled(this.#running);
    state.client.destroy();
  }

  /** Does not wait for answers. */
  destroy(): void {
    if (this.#state.kind === 'ready') this.#state.client.destroy();
    if (this.#state.kind === 'ready') this.#state = { kind: 'new' };
    void this.close(); // nothing is left to be awaited
  }

  #connect(): void {
    const client = this.#options.createClient();
    const stopTimer = this.#options.clock.schedule(
      () => this.#lose(client, new Error('Redis did not accept the connection in time')),
      this.#options.timeoutMs,
    );
    this.#state = { kind: 'connecting', client, stopTimer };
    client.on('error', (error) => this.#lose(client, error));
    client.connect().then(
      () => this.#become(client),
      (error: unknown) => this.#lose(client, error),
    );
  }

  #become(client: RedisClientLike): void {
    if (this.#state.kind !== 'connecting' || this.#state.client !== client) return;
    this.#state.stopTimer();
    this.#state = { kind: 'ready', client };
    this.#sessions += 1;
    for (const pending of this.#waiting) this.#send(pending, client);
    this.#waiting.clear();
    this.#options.onChange();
    if (this.#sessions > 1) this.#options.onReturn?.();
  }

  #lose(client: RedisClientLike, error: unknown): void {
    const state = this.#state;
    if ((state.kind !== 'ready' && state.kind !== 'connecting') || state.client !== client) return;
    if (state.kind === 'connecting') state.stopTimer();
    this.#lastError = error;
    const delayMs = Math.min(firstDelayMs * 2 ** this.#failures, longestDelayMs);
    this.#failures += 1;
    const stopTimer = this.#options.clock.schedule(() => this.#connect(), delayMs);
    this.#state = { kind: 'pausing', stopTimer };
    client.destroy();
    this.#options.onChange();
  }

  #send(pending: PendingCommand, client: RedisClientLike): void {
    const settle = (act: () => void) => {
      pending.stopTimer();
      act();
    };
    void client.sendCommand(pending.command.args, asBytes).then(
      (reply) => {
        this.#failures = 0;
        return settle(() => pending.resolve(reply));
      },
      (error: unknown) => {
        if (isOfOtherServer(error)) this.#lose(client, error);
        if (this.#mayRepeat(pending, client)) return this.#waiting.add(pending);
        return settle(() => pending.reject(this.#unavailable('Redis did not do it', error)));
      },
    );
  }

  #mayRepeat(pending: PendingCommand, client: RedisClientLike): boolean {
    const isLost = this.#state.kind !== 'ready' || this.#state.client !== client;
    return (
      pending.command.repeat === 'until-answered' &&
      isLost &&
      !pending.hasExpired &&
      this.#state.kind !== 'closed'
    );
  }

  #expire(pending: PendingCommand): void {
    const hasBeenSent = !this.#waiting.delete(pending);
    pending.hasExpired = true;
    pending.reject(this.#unavailable('Redis did not answer in time', this.#lastError));
    // A connection that says nothing may be dead, which could take a quarter of an hour to show.
    if (hasBeenSent) this.renew(new Error('Redis did not answer in time'));
  }

  #unavailable(message: string, cause?: unknown): SourceError {
    if (this.#state.kind === 'closed') return closed();
    return new SourceError('BROKER_UNAVAILABLE', message, { cause });
  }
}

type ConnectionState =
  | { readonly kind: 'new' | 'closed' }
  | {
      readonly kind: 'connecting';
      readonly client: RedisClientLike;
      readonly stopTimer: () => void;
    }
  | { readonly kind: 'ready'; readonly client: RedisClientLike }
  | { readonly kind: 'pausing'; readonly stopTimer: () => void };

interface PendingCommand {
  readonly command: RedisCommand;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: SourceError) => void;
  stopTimer: () => void;
  hasExpired: boolean;
}

/** The key holds something else than what the command is for: it concerns nobody but those who use that key. */
export function isWrongType(error: unknown): boolean {
  const cause = error instanceof SourceError ? error.cause : undefined;
  // the code of an error within a script is not its first word in every version
  return cause instanceof Error && /\bWRONGTYPE\b/.test(cause.message);
}

/** This server has become a replica, or is still reading its data: another one may answer, or the same one later. */
function isOfOtherServer(error: unknown): boolean {
  // the first word of an error of Redis is its code
  return error instanceof Error && /^(READONLY|LOADING|MASTERDOWN) /.test(error.message);
}

function closed(): SourceError {
  return new SourceError('BROKER_CLOSED', 'the redis broker was closed');
}
