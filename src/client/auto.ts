import { UsageError } from '../errors.ts';
import type { Transport, TransportChoice } from './transport.ts';
import type { TransportError } from './transport-error.ts';

/** Keeps which transport worked for longer than a page lives: `localStorage` with two names changed. */
export interface ChoiceStore {
  get(): string | null | undefined;
  set(choice: string): unknown;
}

/** Options of {@link auto}. */
export interface AutoOptions {
  /** How long one that worked is taken first, in milliseconds, before the order given counts again: networks change. @defaultValue 86_400_000 (one day) */
  readonly forgetAfterMs?: number;
  /** Keeps what worked beyond this program. If a method throws, it is as if there were none. @defaultValue none */
  readonly store?: ChoiceStore;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

const dayMs = 86_400_000;

/** Close codes by which a server says something that is true on any transport. */
const words: ReadonlySet<number | undefined> = new Set([1012, 1013, 4401, 4403, 4429]);

/** Statuses by which a server, and nobody on the way to it, refuses a request. */
const refusals: ReadonlySet<number | undefined> = new Set([400, 401, 422, 429]);

/**
 * Takes the first of several transports that works here, and remembers it.
 *
 * @remarks
 * Where a connection of one ends before it carried anything, as in networks that forbid WebSockets or hold streams back, the next one is tried at once; once all have failed, the
 * first one is tried again after the pause of `retry`. A server that refuses the connection itself, or one request by a transport that worked for others, and a function of the application
 * that fails, move nothing. One that cannot work in this runtime is tried once. Operations that were never sent move with the rest; queries and mutations of which a request may have
 * reached the server fail.
 *
 * @param transports - the one that is wanted most comes first
 * @throws UsageError if there are none
 */
export function auto(transports: readonly Transport[], options: AutoOptions = {}): TransportChoice {
  if (transports.length === 0) throw new UsageError('`auto` needs at least one transport');
  return new Choice(transports, options);
}

interface Known {
  readonly transport: Transport;
  readonly at: number;
}

class Choice implements TransportChoice {
  failedRounds = 0;
  readonly #transports: readonly Transport[];
  /** Without those that cannot work in this runtime; at least one. */
  #usable: readonly Transport[];
  readonly #options: AutoOptions;
  #current: Transport;
  /** What carried something last, and since when that is known. */
  #known: Known | undefined;
  /** Those that failed since anything worked, or since all had failed. */
  readonly #failed = new Set<Transport>();
  /** All have failed, and none was tried since. */
  #isRoundOver = false;

  constructor(transports: readonly Transport[], options: AutoOptions) {
    this.#transports = transports;
    this.#usable = transports;
    this.#options = options;
    this.#known = this.#recall();
    this.#current = this.#wanted;
  }

  get current(): Transport {
    const { forgetAfterMs = dayMs } = this.#options;
    if (this.#known && this.#now() - this.#known.at >= forgetAfterMs) {
      this.#known = undefined;
      this.#current = this.#wanted;
    }
    return this.#current;
  }

  succeeded(transport: Transport): void {
    this.failedRounds = 0;
    this.#failed.clear();
    this.#isRoundOver = false;
    if (this.#known?.transport === transport) return;
    this.#current = transport;
    this.#known = { transport, at: this.#now() };
    this.#keep(`${this.#transports.indexOf(transport)} ${this.#known.at}`);
  }

  failed(transport: Transport, failure: TransportError): boolean {
    // those with a cause are of the application's own functions, which the others would ask, too
    const isInVain = failure.code === 'CLIENT_ERROR' && !('cause' in failure);
    const mayMove = isInVain ? this.#drop(transport) : this.#mayLeave(transport, failure);
    if (!mayMove) return false;
    // those who are late follow the first one
    if (transport === this.current) {
      this.#failed.add(transport);
      this.#next();
    }
    return isInVain || !this.#isRoundOver;
  }

  get #wanted(): Transport {
    return this.#known?.transport ?? (this.#usable[0] as Transport); // there is one
  }

  /** Whether another transport may fare better. */
  #mayLeave(
    transport: Transport,
    { code, closeCode, status, retryAfterMs }: TransportError,
  ): boolean {
    if (code === 'CLIENT_ERROR' || words.has(closeCode) || retryAfterMs !== undefined) return false;
    // a connection of its own: where others got through, it is about the operation
    const isRefusal = !transport.isShared && refusals.has(status);
    return !(isRefusal && this.#known?.transport === transport);
  }

  /** The runtime lacks what `transport` needs. Tells whether there are others. */
  #drop(transport: Transport): boolean {
    const others = this.#usable.filter((other) => other !== transport);
    if (others.length === 0) return false;
    this.#usable = others;
    if (this.#known?.transport === transport) this.#known = undefined;
    return true;
  }

  #next(): void {
    const untried = this.#usable.find((transport) => !this.#failed.has(transport));
    this.#isRoundOver = untried === undefined;
    this.#current = untried ?? this.#wanted;
    if (untried) return;
    this.failedRounds += 1;
    this.#failed.clear();
  }

  #recall(): Known | undefined {
    const [index, at] = this.#attempt((store) => store.get()?.split(' ').map(Number)) ?? [];
    const transport = this.#transports[index ?? -1];
    // a clock that was set back since would have it remembered for long
    return transport && at !== undefined && at <= this.#now() ? { transport, at } : undefined;
  }

  #keep(choice: string): void {
    this.#attempt((store) => store.set(choice));
  }

  /** What is only there to help does not end anything. */
  #attempt<Value>(use: (store: ChoiceStore) => Value): Value | undefined {
    const { store } = this.#options;
    try {
      return store && use(store);
    } catch {
      return undefined;
    }
  }

  #now(): number {
    const { now = Date.now } = this.#options;
    return now();
  }
}
