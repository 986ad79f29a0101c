import type { Position } from '../vocabulary.ts';

/** One step of a source: an event, or the failure of a `filter` or `map` on one event. */
export type SourceItem<Event> =
  | { readonly kind: 'event'; readonly event: Event; readonly position?: Position }
  | { readonly kind: 'event-error'; readonly error: unknown; readonly position?: Position };

/**
 * An opened source: its start position is fixed, and whatever resource it needs is held until
 * {@link SourceReader.close}.
 *
 * @remarks
 * One consumer. As an `AsyncIterable` it yields the bare events, closes itself when the loop is left, and
 * throws the error of an `event-error` item (which ends a `for await` loop).
 */
export interface SourceReader<Event> extends AsyncIterable<Event> {
  /**
   * The next item; `undefined` once the source has ended or the reader was closed.
   *
   * @remarks
   * Rejects once when the source fails, with the error of whoever failed it; `undefined` ever after. MUST NOT be called
   * while an earlier call is pending.
   */
  read(): Promise<SourceItem<Event> | undefined>;
  /** Releases everything; a pending `read()` resolves with `undefined` at once. Closing twice is harmless. Never rejects. */
  close(): Promise<void>;
}

/**
 * Events that can be subscribed to.
 *
 * @remarks
 * A source holds no resource until it is opened, and each `open()` starts a reader of its own. `pace` says what happens to a consumer
 * that stops reading: a `pull` source waits for it, a `live` one goes on without it.
 */
export interface SourceStream<Event> {
  readonly pace: 'pull' | 'live';
  /** Resolves once an event that comes into being from now on cannot be missed. */
  open(): Promise<SourceReader<Event>>;
}

/** Marks Millrace's own sources, also across two copies of the package. */
export const sourceBrand: unique symbol = Symbol.for('millrace.source');

/**
 * A position in a log and what to do with the events behind it: what `topic.source(key)` gives.
 *
 * @remarks
 * Immutable: `filter`, `map` and `startWith` give new sources. Two sources may share one execution when topic,
 * key and the list of `map` functions are the same; `filter` and `startWith` belong to one subscriber.
 */
export interface Source<Event> extends SourceStream<Event>, AsyncIterable<Event> {
  readonly [sourceBrand]: true;
  /** What an event is to a field without a resolver: its value, or as in graphql-js the root value, in which the field is looked up. @defaultValue 'field-value' */
  readonly eventIs?: 'field-value' | 'root-value';
  /** Keeps the events for which `predicate` returns, or resolves with, something truthy. A predicate that throws fails that one event. */
  filter(predicate: (event: Event) => unknown): Source<Event>;
  /** Turns each event into another; a promise is awaited. A function that throws fails that one event. */
  map<Result>(transform: (event: Event) => Result): Source<Awaited<Result>>;
  /**
   * Puts the result of `snapshot` before the live events.
   *
   * @remarks
   * The position is recorded first, then the snapshot is read, then the stream continues from that position:
   * nothing in between is missed. The snapshot's events pass the filters and maps that follow this call.
   */
  startWith(snapshot: () => Snapshot<Event>): Source<Event>;
}

/** What a snapshot function may return. */
export type Snapshot<Event> =
  | Iterable<Event>
  | AsyncIterable<Event>
  | Promise<Iterable<Event> | AsyncIterable<Event>>;

/** Whether `value` is one of Millrace's own sources. */
export function isSource(value: unknown): value is Source<unknown> {
  return typeof value === 'object' && value !== null && sourceBrand in value;
}
