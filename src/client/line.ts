import { never } from '../vocabulary.ts';
import type { Instant } from '../vocabulary.ts';
import { movingDelayMs, retryDelayMs } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import type { Signals } from './signals.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  Transport,
  TransportChoice,
} from './transport.ts';
import type { TransportError } from './transport-error.ts';

/** Whoever needs the connection of a {@link Line}. */
export interface Member {
  /** Whether it goes on another connection when this one is lost. */
  readonly isRetried: boolean;
  /** There is a connection: start on it. */
  attach(connection: Connection): void;
  /** The connection serves operations; what the server said about that is told to those who waited for it. */
  connected(ackPayload?: Readonly<Record<string, unknown>>): void;
  /** The connection was lost; another one will come. */
  interrupted(): void;
  /** The line has forgotten the member, which has to look for another one. */
  moved(): void;
  /** It is over; the line has forgotten the member. */
  failed(failure: TransportError): void;
}

/** What a line is told. */
export interface LineOptions extends ConnectionSettings {
  readonly transport: Transport;
  /** Of which {@link LineOptions.transport} was the current one. */
  readonly choice?: TransportChoice | undefined;
  readonly retry: RetryPolicy;
  /** Whether another attempt follows so many that failed in a row; does not throw. */
  readonly mayRetry: (failure: TransportError, attempts: number) => boolean | undefined;
  /** How long a connection is kept that nobody needs, in milliseconds. */
  readonly idleTimeoutMs: number;
  readonly random: () => number;
  readonly signals: Signals;
  readonly onConnected: ConnectionListener['connected'];
  readonly onProtocolViolation: ConnectionListener['violated'];
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
  /** Since when the connection serves operations; {@link never} if it does not. */
  #servesSince: Instant = never;
  /** Until the next attempt while there is no connection, until the end of an idle one while there is. */
  #cancelTimer: (() => void) | undefined;
  #unwatch: (() => void) | undefined;
  /** Attempts in a row that failed. */
  #attempts: number;
  /** Another connection is wanted as soon as no member suffers from that. */
  #isStale = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#attempts = options.choice?.failedRounds ?? 0;
  }

  get isShared(): boolean {
    return this.#options.transport.isShared;
  }

  add(member: Member): void {
    this.#members.add(member);
    if (this.#connection) {
      this.#wait(never);
      member.attach(this.#connection);
      if (this.#servesSince < never) member.connected();
    } else if (!this.#cancelTimer) this.#connect();
  }

  /** How long a member that failed alone waits, in milliseconds, before it is attached again; `undefined`: it is over. */
  pauseAfter(member: Member, failure: TransportError, attempts: number): number | undefined {
    const { retry, mayRetry, random } = this.#options;
    const isRetried = this.#members.has(member) && member.isRetried && mayRetry(failure, attempts);
    return isRetried ? retryDelayMs(retry, failure, attempts, random()) : undefined;
  }

  /** Attaches a member that failed alone to the connection, if there is one now; otherwise to the next one. */
  resume(member: Member): void {
    // a connection of its own has started it once
    if (!this.isShared) return this.reconnect();
    if (!this.#connection) return;
    member.attach(this.#connection);
    if (this.#servesSince < never) member.connected();
  }

  /** `member` needs nothing any more. */
  remove(member: Member): void {
    if (!this.#members.delete(member)) return;
    const { idleTimeoutMs } = this.#options;
    if (this.#isStale) this.#renew();
    else if (this.#members.size > 0) return;
    else if (this.#connection && this.isShared && idleTimeoutMs > 0)
      this.#wait(idleTimeoutMs, () => this.close());
    else this.close();
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
    this.#attempts = this.#options.choice?.failedRounds ?? 0;
    this.#unwatch?.();
    this.#unwatch = undefined;
    if (failure) for (const member of members) member.failed(failure);
  }

  #connect(): void {
    const { transport, choice, signals, clock, onConnected, onProtocolViolation } = this.#options;
    this.#wait(never);
    if (choice && choice.current !== transport) return this.#disperse();
    this.#unwatch ??= signals(() => this.#wake());
    const connection = transport.connect(this.#options, {
      connected: (ackPayload) => {
        this.#servesSince = clock.now();
        choice?.succeeded(transport);
        this.#each((member) => member.connected(ackPayload));
        onConnected(ackPayload);
      },
      violated: onProtocolViolation,
      closed: (failure) => this.#lose(failure),
    });
    this.#connection = connection;
    this.#each((member) => member.attach(connection));
  }

  #lose(failure: TransportError): void {
    const { transport, choice, retry, mayRetry, clock, random, onDisconnected } = this.#options;
    const hasServed = this.#servesSince < never;
    const isMoving = !hasServed && choice?.failed(transport, failure);
    // those who were refused are asked for other parameters, and nothing was sent yet: whoever waits can wait for that
    const isUnsent = !hasServed && (isMoving ? this.isShared : failure.closeCode === 4403);
    const uptimeMs = clock.now() - this.#servesSince;
    if (uptimeMs >= retry.minUptimeMs) this.#attempts = 0;
    this.#forget();
    const isRetried = isMoving || mayRetry(failure, this.#attempts);
    const left = [...this.#members].filter(
      (member) => !(isRetried && (isUnsent || member.isRetried)),
    );
    for (const member of left) this.#members.delete(member);
    let delayMs: number | undefined;
    if (this.#members.size > 0) {
      const chance = random();
      // moving is no failed attempt
      delayMs = isMoving ? 0 : movingDelayMs(retry, failure, uptimeMs, chance);
      if (delayMs === undefined) delayMs = retryDelayMs(retry, failure, this.#attempts++, chance);
      this.#wait(delayMs, () => this.#connect());
    } else this.close();
    this.#each((member) => member.interrupted());
    onDisconnected(failure, delayMs);
    for (const member of left) member.failed(failure);
  }

  /** Another transport is used now. Its connections may not be shared as those of this one were, so its members find lines of their own. */
  #disperse(): void {
    const members = [...this.#members];
    this.#members.clear();
    this.close();
    for (const member of members) member.moved();
  }

  /** Something happened after which waiting makes no sense, or a connection may be dead without a word. */
  #wake(): void {
    if (this.#connection) this.#connection.probe?.();
    else this.#connect();
  }

  #renew(): void {
    const members = [...this.#members];
    if (!this.#isStale || members.some((member) => !member.isRetried)) return;
    if (members.length === 0) {
      this.close();
      return;
    }
    this.#connection?.close();
    this.#forget();
    this.#each((member) => member.interrupted());
    if (!this.#connection && this.#members.size > 0) this.#connect();
  }

  /** Calls those who are members now, as long as they are and nothing came of it that makes the rest untrue. */
  #each(call: (member: Member) => void): void {
    const connection = this.#connection;
    const members = [...this.#members];
    for (const member of members) {
      if (this.#connection === connection && this.#members.has(member)) call(member);
    }
  }

  /** The connection is gone. */
  #forget(): void {
    this.#connection = undefined;
    this.#servesSince = never;
    this.#isStale = false;
    this.#wait(never);
  }

  /** Replaces what is waited for; {@link never}: by nothing. */
  #wait(delayMs: number, then: () => void = () => {}): void {
    this.#cancelTimer?.();
    this.#cancelTimer = delayMs < never ? this.#options.clock.schedule(then, delayMs) : undefined;
  }
}
