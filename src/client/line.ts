import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import { mayRetry, retryDelayMs } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import type { Signals } from './signals.ts';
import type { Connection, ConnectionSettings, Transport } from './transport.ts';
import type { TransportError } from './transport-error.ts';

/** Whoever needs the connection of a {@link Line}. */
export interface Member {
  /** Whether it goes on another connection when this one is lost. */
  readonly isRetried: boolean;
  /** There is a connection: start on it. */
  attach(connection: Connection): void;
  /** The connection serves operations. */
  connected(ackPayload: Readonly<Record<string, unknown>> | undefined): void;
  /** The connection was lost; another one will come. */
  interrupted(): void;
  /** It is over; the line has forgotten the member. */
  failed(failure: TransportError): void;
}

/** What a line does by itself. */
export interface LineOptions extends ConnectionSettings {
  readonly transport: Transport;
  readonly retry: RetryPolicy;
  /** How long a connection is kept that nobody needs, in milliseconds. */
  readonly idleTimeoutMs: number;
  readonly random: () => number;
  readonly signals: Signals;
  readonly onConnected: (ackPayload: Readonly<Record<string, unknown>> | undefined) => void;
  readonly onProtocolViolation: (message: string) => void;
  readonly onDisconnected: (failure: TransportError, retryInMs: number | undefined) => void;
}

/**
 * A connection that is there when somebody needs it: opened for the first member, opened again when it is lost, closed some time after the last member left.
 *
 * @remarks
 * However many members it has, there is one connection and one attempt at a time.
 */
export class Line {
  readonly #options: LineOptions;
  readonly #members = new Set<Member>();
  #connection: Connection | undefined;
  /** Until the next attempt while there is no connection, until the end of an idle one while there is. */
  #cancelTimer: (() => void) | undefined;
  #unwatch: (() => void) | undefined;
  /** Attempts in a row that failed. */
  #attempts = 0;
  #connectedAt: Instant = never;
  #ackPayload: Readonly<Record<string, unknown>> | undefined;
  /** A new connection is wanted as soon as nobody would suffer from it. */
  #isStale = false;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  add(member: Member): void {
    this.#members.add(member);
    if (this.#connection) {
      this.#stopTimer();
      this.#attach(member, this.#connection);
    } else if (!this.#cancelTimer) this.#connect();
  }

  /** `member` needs nothing any more. */
  remove(member: Member): void {
    if (!this.#members.delete(member)) return;
    if (this.#members.size > 0) this.#renew();
    else if (this.#connection && this.#options.idleTimeoutMs > 0) {
      this.#wait(this.#options.idleTimeoutMs, () => this.close());
    } else this.close();
  }

  /** Connects anew, with fresh parameters, once no member runs that could not follow. */
  reconnect(): void {
    this.#isStale = this.#connection !== undefined;
    this.#renew();
  }

  /** Ends the connection, after which nothing is left that runs; the next member opens it again. Those who are left fail with `failure`. */
  close(failure?: TransportError): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#connection?.close();
    this.#forget();
    this.#attempts = 0;
    this.#unwatch?.();
    this.#unwatch = undefined;
    if (failure) for (const member of members) member.failed(failure);
  }

  #attach(member: Member, connection: Connection): void {
    member.attach(connection);
    if (this.#connectedAt !== never) member.connected(this.#ackPayload);
  }

  #connect(): void {
    this.#stopTimer();
    const { transport, signals } = this.#options;
    this.#unwatch ??= signals(() => this.#wake());
    const connection = transport.connect(this.#options, {
      connected: (ackPayload) => {
        this.#connectedAt = this.#options.clock.now();
        this.#ackPayload = ackPayload;
        this.#options.onConnected(ackPayload);
        for (const member of [...this.#members]) member.connected(ackPayload);
      },
      violated: this.#options.onProtocolViolation,
      closed: (failure) => this.#lost(failure),
    });
    this.#connection = connection;
    for (const member of [...this.#members]) member.attach(connection);
  }

  #lost(failure: TransportError): void {
    const { retry, clock, random, onDisconnected } = this.#options;
    if (clock.now() - this.#connectedAt >= retry.minUptimeMs) this.#attempts = 0;
    this.#forget();
    const isRetried = mayRetry(retry, failure, this.#attempts);
    const members = [...this.#members];
    for (const member of members) {
      if (!(isRetried && member.isRetried)) this.#members.delete(member);
    }
    let delayMs: number | undefined;
    if (this.#members.size > 0) {
      delayMs = retryDelayMs(retry, failure, this.#attempts, random());
      this.#attempts += 1;
      this.#wait(delayMs, () => this.#connect());
    } else this.close();
    onDisconnected(failure, delayMs);
    for (const member of members) {
      if (this.#members.has(member)) member.interrupted();
      else member.failed(failure);
    }
  }

  /** Something happened after which waiting makes no sense, or a connection may be dead without a word. */
  #wake(): void {
    if (this.#connection) this.#connection.probe?.();
    else if (this.#cancelTimer) this.#connect();
  }

  #renew(): void {
    if (!this.#isStale || [...this.#members].some((member) => !member.isRetried)) return;
    this.#connection?.close();
    this.#forget();
    for (const member of [...this.#members]) member.interrupted();
    if (this.#members.size > 0) this.#connect();
  }

  /** The connection is gone. */
  #forget(): void {
    this.#connection = undefined;
    this.#connectedAt = never;
    this.#isStale = false;
    this.#stopTimer();
  }

  #wait(delayMs: number, then: () => void): void {
    this.#stopTimer();
    if (delayMs < never) this.#cancelTimer = this.#options.clock.schedule(then, delayMs);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
