import { ProtocolViolation } from '../errors.ts';
import { ResultMerger } from '../protocol/incremental/result-merger.ts';
import type { Merging } from '../protocol/incremental/result-merger.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import { TransportError } from './transport-error.ts';
import type {
  ClientClock,
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
  Transport,
} from './transport.ts';

/** Options of {@link incrementalDelivery}. */
export interface IncrementalOptions {
  /**
   * How long, in milliseconds, nothing is shown after a result of an answer that goes on; the next one has all that came. The last comes at once.
   *
   * @remarks
   * Lists and objects are copied where something was added since they were shown last: a list of many thousand items that come one by one shall not be shown with each of them.
   * @defaultValue 0, a result for each part that brings something
   */
  readonly intervalMs?: number;
}

/**
 * Puts answers together that come in parts, as those to documents with `@defer` and `@stream` do, whatever carries them.
 *
 * @remarks
 * `subscribe` of the client then gives a result for each part that brings something: all that is known till then, with `hasNext: true` unless it is the last one. Results
 * share what is equal in them and never change. `query` and `mutate` give the whole. Errors of parts stand with the others; the fields of a part that failed are missing.
 * An answer that makes no sense, or ends before its last part, is a {@link TransportError} with the code `BAD_RESPONSE`, as a connection that is lost before that is one of
 * its own; results till then were given. Results that do not come in parts pass as they are.
 */
export function incrementalDelivery(
  transport: Transport,
  { intervalMs = 0 }: IncrementalOptions = {},
): Transport {
  return {
    isShared: transport.isShared,
    connect: (settings, listener) =>
      new PartsConnection({ transport, settings, listener, intervalMs }),
  };
}

interface PartsConnectionParts {
  readonly transport: Transport;
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
  readonly intervalMs: number;
}

/** Has a {@link PartsSink} for each operation. */
class PartsConnection implements Connection {
  readonly #connection: Connection;
  readonly #parts: PartsConnectionParts;
  readonly #running = new Set<PartsSink>();
  #isLeft = false;

  constructor(parts: PartsConnectionParts) {
    const { transport, settings, listener } = parts;
    this.#parts = parts;
    this.#connection = transport.connect(settings, {
      connected: (ackPayload) => listener.connected(ackPayload),
      violated: (message) => listener.violated(message),
      closed: (failure) => {
        for (const sink of this.#running) sink.end();
        // whoever was shown the rest may have left in there
        if (!this.#isLeft) listener.closed(failure);
      },
    });
  }

  get confirmsStarts(): boolean {
    return this.#connection.confirmsStarts === true;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const { settings, intervalMs } = this.#parts;
    const isWatched = operation.kind === 'subscription';
    const parts: PartsSink = new PartsSink({
      sink,
      isWatched,
      intervalMs,
      clock: settings.clock,
      forget: () => this.#running.delete(parts),
    });
    parts.stop = this.#connection.start(operation, parts);
    // what makes no sense may have come in there
    if (parts.isOver) parts.stop();
    else this.#running.add(parts);
    return () => parts.leave();
  }

  probe(): void {
    this.#connection.probe?.();
  }

  close(): void {
    this.#isLeft = true;
    for (const sink of this.#running) sink.drop();
    this.#connection.close();
  }
}

interface PartsSinkParts {
  readonly sink: ResultSink;
  /** Whether somebody wants to see what is not complete. */
  readonly isWatched: boolean;
  readonly intervalMs: number;
  readonly clock: ClientClock;
  /** Called when it is over. */
  readonly forget: () => void;
}

/** Stands between a connection and one operation that it carries. */
class PartsSink implements ResultSink {
  isOver = false;
  stop: (() => void) | undefined;
  readonly #parts: PartsSinkParts;
  readonly #merger = new ResultMerger();
  /** Whether there is something to show. */
  #isDue = false;
  /** There while nothing is shown. */
  #cancelTimer: (() => void) | undefined;

  constructor(parts: PartsSinkParts) {
    this.#parts = parts;
  }

  started(): void {
    if (!this.isOver) this.#parts.sink.started?.();
  }

  next(payload: FormattedResult): void {
    const merging = this.isOver ? undefined : this.#merge(payload);
    if (!merging) return;
    const { sink, isWatched } = this.#parts;
    const { kind, isNews } = merging;
    if (kind === 'whole') return sink.next(payload);
    // a whole is shown once; who watches knows it already if the last word says nothing else, but goes on behind it only if told
    this.#isDue ||= isWatched ? isNews : kind === 'last';
    this.#isDue ||= kind === 'last' && this.#merger.show().extensions?.['resume'] !== undefined;
    if (kind === 'last' || !this.#cancelTimer) this.#show();
  }

  error(errors: readonly FormattedError[]): void {
    if (this.end()) this.#parts.sink.error(errors);
  }

  complete(): void {
    if (this.#merger.isIncomplete) this.#fail('The answer ended before its last part.');
    else if (this.end()) this.#parts.sink.complete();
  }

  failed(failure: TransportError): void {
    if (this.end()) this.#parts.sink.failed(failure);
  }

  /** Nothing more will come: shows what was not shown. Tells whether it was not over before, nor is since. */
  end(): boolean {
    if (!this.isOver) this.#show();
    return this.drop();
  }

  /** Nobody wants the rest. */
  leave(): void {
    this.drop();
    this.stop?.();
  }

  /** Nothing more is shown. Tells whether it was not over before. */
  drop(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#cancelTimer?.();
    this.#parts.forget();
    return true;
  }

  #show(): void {
    const { sink, intervalMs, clock } = this.#parts;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#isDue) return;
    this.#isDue = false;
    if (intervalMs > 0 && this.#merger.isIncomplete) {
      this.#cancelTimer = clock.schedule(() => this.#show(), intervalMs);
    }
    sink.next(this.#merger.show());
  }

  #merge(payload: FormattedResult): Merging | undefined {
    try {
      return this.#merger.take(payload);
    } catch (cause) {
      // what nests too deeply overflows the stack
      const isKnown = cause instanceof ProtocolViolation;
      this.#fail(isKnown ? cause.message : 'The answer cannot be put together.', cause);
      return undefined;
    }
  }

  #fail(message: string, cause?: unknown): void {
    if (!this.end()) return;
    this.stop?.();
    this.#parts.sink.failed(new TransportError('BAD_RESPONSE', message, false, { cause }));
  }
}
