import { UsageError } from '../../errors.ts';
import type { ClientClock, Connection, ConnectionSettings, Transport } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import { movedOn, writeFailure } from './failure.ts';
import type { TabsHostOptions } from './host-options.ts';
import { watchLock } from './locks.ts';
import type { LocksLike } from './locks.ts';
import type { GuestMessage, Question } from './messages.ts';
import { Questions } from './questions.ts';
import type { Asked } from './questions.ts';
import { Seat } from './seat.ts';
import type { TabPort } from './seat.ts';

/** Has a tab say what only tabs know: the JSON of it, empty if there is no value. */
export type Ask = (question: Question) => Promise<string>;

/** What a {@link TabHost} is made of. */
export interface TabHostParts {
  readonly transport: Transport;
  /** Those of every connection; what only tabs know is asked of them. */
  readonly settings: ConnectionSettings | ((ask: Ask) => ConnectionSettings);
  readonly clock: ClientClock;
  readonly options: Required<TabsHostOptions>;
  readonly locks: LocksLike | undefined;
  /** A lock that is free once the host is gone; empty where there are none. */
  readonly lock: string;
}

/** What a tab's messages are given to. */
export interface Guest extends Asked {
  receive(message: GuestMessage): void;
}

/** @throws UsageError for a transport whose connections carry one operation each */
export function assertShared({ isShared }: Transport): void {
  if (!isShared) throw new UsageError('Tabs share a connection that carries many operations');
}

interface Place {
  readonly seat: Seat;
  readonly watch: Watch;
}

/** Whether a tab is still there. */
interface Watch {
  /** It said something. */
  readonly heard: () => void;
  readonly stop: () => void;
}

/**
 * Holds one connection for several tabs: it is there while a tab is, and some time longer.
 *
 * @remarks
 * It never tries again. When the connection is lost, every tab is told and forgotten, and the first that comes back has it made again.
 */
export class TabHost {
  readonly #parts: TabHostParts;
  readonly #settings: ConnectionSettings;
  readonly #questions: Questions;
  readonly #places = new Map<Guest, Place>();
  #connection: Connection | undefined;
  /** What tabs are told of the connection that serves operations. */
  #ack: { readonly payload: string } | undefined;
  #cancelIdle: (() => void) | undefined;

  constructor(parts: TabHostParts) {
    const { clock, options, settings } = parts;
    this.#parts = parts;
    this.#questions = new Questions({
      clock,
      askMs: options.askMs,
      tabs: () => [...this.#places.keys()],
    });
    this.#settings =
      typeof settings === 'function'
        ? settings((question) => this.#questions.ask(question))
        : settings;
  }

  /** Whether it has neither a tab nor a connection. */
  get isEmpty(): boolean {
    return this.#places.size === 0 && !this.#connection;
  }

  /** Takes a tab, whose `lock` is free once it is gone. */
  admit(port: TabPort, lock: string): Guest {
    const { options, lock: own } = this.#parts;
    if (this.#places.size >= options.tabs) {
      port.post({ type: 'refused', reason: 'full' });
      port.close();
      return { receive() {}, ask() {} };
    }
    const seat = new Seat({
      port,
      unreadBytes: options.unreadBytes,
      overflowed: () => this.#expel(guest),
    });
    const watch = this.#watch(lock, (failure) => this.#drop(guest, failure));
    const guest: Guest = {
      receive: (message) => {
        watch.heard();
        if (this.#places.has(guest)) this.#receive(guest, seat, message);
      },
      ask: (id, question) => seat.tell({ type: 'ask', id, question }),
    };
    this.#places.set(guest, { seat, watch });
    this.#cancelIdle?.();
    seat.tell({ type: 'welcome', lock: own, window: options.unreadBytes });
    if (!this.#connection) this.#connect();
    else if (this.#ack) this.#greet(seat, this.#connection, this.#ack.payload);
    return guest;
  }

  /** Leaves; tabs are told `failure`. */
  close(failure: TransportError): void {
    this.#connection?.close();
    this.#end(failure);
  }

  #receive(guest: Guest, seat: Seat, message: GuestMessage): void {
    switch (message.type) {
      case 'start':
        if (this.#connection) seat.start(this.#connection, message);
        return;
      case 'stop':
        return seat.stop(message.operation);
      case 'took':
        return seat.took(message.size);
      case 'ping':
        return seat.tell({ type: 'pong' });
      case 'probe':
        return this.#connection?.probe?.();
      case 'answer':
        return this.#questions.answer(guest, message);
      case 'leave':
        return this.#drop(guest);
      case 'hello':
      // it is here already
    }
  }

  #connect(): void {
    const each = (tell: (seat: Seat) => void): void => {
      for (const { seat } of this.#places.values()) tell(seat);
    };
    const connection = this.#parts.transport.connect(this.#settings, {
      connected: (ackPayload) => {
        const payload = ackPayload ? JSON.stringify(ackPayload) : '';
        this.#ack = { payload };
        each((seat) => this.#greet(seat, connection, payload));
      },
      violated: (message) => each((seat) => seat.tell({ type: 'violated', message })),
      closed: (failure) => this.#end(failure),
    });
    this.#connection = connection;
  }

  #greet(seat: Seat, connection: Connection, payload: string): void {
    const confirmsStarts = connection.confirmsStarts === true;
    seat.tell({ type: 'connected', payload, confirmsStarts });
  }

  /** The connection is gone, and so is everything on it. */
  #end(failure: TransportError): void {
    const places = [...this.#places.values()];
    this.#places.clear();
    this.#forget();
    for (const { seat, watch } of places) {
      watch.stop();
      seat.close({ type: 'closed', failure: writeFailure(failure) });
    }
  }

  #forget(): void {
    this.#cancelIdle?.();
    this.#connection = undefined;
    this.#ack = undefined;
    this.#questions.close();
  }

  #expel(guest: Guest): void {
    const failure = new TransportError(
      'BUFFER_OVERFLOW',
      'Results came faster than the tab processed them',
      true,
    );
    this.#drop(guest, failure);
  }

  /** A tab is gone, or too slow. */
  #drop(guest: Guest, failure?: TransportError): void {
    const place = this.#places.get(guest);
    if (!place) return;
    this.#places.delete(guest);
    place.watch.stop();
    this.#questions.moved(guest);
    place.seat.close(failure && { type: 'closed', failure: writeFailure(failure) });
    if (this.#places.size > 0 || !this.#connection) return;
    const { clock, options } = this.#parts;
    this.#cancelIdle = clock.schedule(() => {
      this.#connection?.close();
      this.#forget();
    }, options.idleTimeoutMs);
  }

  /** Watches a tab by its lock, or by its silence if it has none: then it may be there all the same, and is told. */
  #watch(lock: string, gone: (failure?: TransportError) => void): Watch {
    const { locks, clock, options } = this.#parts;
    if (locks && lock) return { heard: () => {}, stop: watchLock(locks, lock, gone) };
    let goneAt = clock.now() + options.tabSilenceMs;
    const look = (): void => {
      const leftMs = goneAt - clock.now();
      if (leftMs > 0) cancel = clock.schedule(look, leftMs);
      else gone(movedOn('The tab was silent for too long'));
    };
    let cancel = clock.schedule(look, options.tabSilenceMs);
    return {
      heard: () => {
        goneAt = clock.now() + options.tabSilenceMs;
      },
      stop: () => cancel(),
    };
  }
}
