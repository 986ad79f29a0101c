import type { FormattedError } from '../vocabulary.ts';
import type { Operations } from '../client/client.ts';
import type {
  OperationHandle,
  OperationOptions,
  OperationResult,
} from '../client/operation-handle.ts';
import { TransportError } from '../client/transport-error.ts';
import { createStore } from './store.ts';
import type { Run, Store, StoreState } from './store.ts';

/** What is known of a query that a subscription keeps current. */
export interface LiveStoreState<Data> extends StoreState {
  /** The answer with everything that was merged into it; the last one while another is asked for. */
  readonly data: Data | undefined;
  /** Of the answer, or of a later event. */
  readonly errors: readonly FormattedError[] | undefined;
  readonly error: TransportError | undefined;
}

/** What a live query is made of. */
export interface LiveParts<Data, Variables, Event, EventVariables> {
  readonly query: OperationOptions<Data, Variables>;
  readonly subscription: OperationOptions<Event, EventVariables>;
  /** The one to be used now. */
  readonly merge: { readonly current: (data: Data, event: Event) => Data };
}

/** Events that are kept for an answer; if there are more, the query is asked again once it was answered. */
const maxEvents = 1_024;

/** Runs a query and the subscription that keeps its answer current while somebody listens. */
export function createLiveStore<Data, Variables, Event, EventVariables>(
  client: Operations,
  parts: LiveParts<Data, Variables, Event, EventVariables>,
): Store<LiveStoreState<Data>> {
  const state = { status: 'idle', data: undefined, errors: undefined, error: undefined } as const;
  return createStore<LiveStoreState<Data>>(state, (run) => {
    const live = new LiveRun(client, parts, run);
    live.start();
    return () => live.stop();
  });
}

/**
 * One run of a live query.
 *
 * @remarks
 * The query is sent when the subscription is ready: an event is then in the answer, or it arrives, or both. It is sent again whenever events are missing or may be.
 */
class LiveRun<Data, Variables, Event, EventVariables> {
  readonly #client: Operations;
  readonly #parts: LiveParts<Data, Variables, Event, EventVariables>;
  readonly #run: Run<LiveStoreState<Data>>;
  readonly #handle: OperationHandle<OperationResult<Event>>;
  /** What came since the query was sent that has no answer yet; `undefined`: the data is current. */
  #events: Event[] | undefined = [];
  /** Cancels the query that runs. */
  #asking: AbortController | undefined;
  #stop: () => void = () => {};

  constructor(
    client: Operations,
    parts: LiveParts<Data, Variables, Event, EventVariables>,
    run: Run<LiveStoreState<Data>>,
  ) {
    this.#client = client;
    this.#parts = parts;
    this.#run = run;
    this.#handle = client.subscribe(parts.subscription);
  }

  start(): void {
    this.#run.update(() => ({ status: 'connecting', error: undefined }));
    const subscription = this.#handle.subscribe({
      next: (result) => this.#take(result),
      error: (error) => this.#run.update(() => ({ error })),
    });
    this.#stop = () => subscription.unsubscribe();
    void this.#watch();
  }

  stop(): void {
    this.#asking?.abort();
    this.#stop();
  }

  #take({ data: event, errors }: OperationResult<Event>): void {
    if (event && this.#events && this.#events.length <= maxEvents) this.#events.push(event);
    this.#run.update(({ data, errors: known }) => ({
      errors: errors ?? known,
      data: data !== undefined && event ? this.#parts.merge.current(data, event) : data,
    }));
  }

  async #watch(): Promise<void> {
    const { status } = this.#handle;
    for await (const state of status) {
      if (state === 'gap') void this.#ask();
      else if (state === 'live') void this.#askWhenReady();
      else if (state === 'recovered' && this.#events) void this.#ask();
      else {
        if (state === 'reconnecting') this.#asking?.abort();
        this.#run.update(() => ({ status: state }));
      }
    }
  }

  /** Unless the server says until then what became of the events in between. */
  async #askWhenReady(): Promise<void> {
    const { ready, status } = this.#handle;
    try {
      await ready;
    } catch {
      return; // it is over, which the iteration of the status tells, too
    }
    if (status.current === 'live') await this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.#events = [];
    this.#run.update(({ data }) => ({ status: data === undefined ? 'connecting' : 'gap' }));
    try {
      // the subscription is what says when to ask again, yet a connection of the query's own may break
      const options = { retry: true, ...this.#parts.query, signal: asking.signal };
      const answer = await this.#client.query<Data, Variables>(options);
      if (!asking.signal.aborted) this.#answer(answer);
    } catch (cause) {
      if (!asking.signal.aborted) this.#fail(cause);
    }
  }

  #answer({ data: answer, errors }: OperationResult<Data>): void {
    const events = this.#events ?? [];
    const isOverrun = events.length > maxEvents;
    const isCurrent = answer !== null && answer !== undefined && !isOverrun;
    if (isCurrent) this.#events = undefined;
    this.#run.update(({ data, status }) => {
      const merge = this.#parts.merge.current;
      return {
        data: answer ? events.reduce(merge, answer) : data,
        errors,
        error: undefined,
        status: status === 'ended' ? status : isCurrent ? 'live' : 'gap',
      };
    });
    if (isOverrun) void this.#ask();
  }

  #fail(cause: unknown): void {
    this.#run.update(({ status }) => {
      if (!(cause instanceof TransportError)) throw cause;
      return { error: cause, status: status === 'ended' ? status : 'gap' };
    });
  }
}
