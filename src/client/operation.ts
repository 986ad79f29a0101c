import { UsageError } from '../errors.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import type { ClientOptions } from './client-options.ts';
import type { Line, Member } from './line.ts';
import type {
  Observer,
  OperationHandle,
  OperationResult,
  Readiness,
  Unsubscribable,
} from './operation-handle.ts';
import { ResultIterator } from './result-iterator.ts';
import type { BufferOptions } from './result-iterator.ts';
import { confirmationMs } from './resumption.ts';
import type { Resume, Resumption } from './resumption.ts';
import { Status } from './status.ts';
import type { ClientClock, Connection, ResultSink, StartedOperation } from './transport.ts';
import { TransportError } from './transport-error.ts';

/** An operation that has begun, as its client sees it. */
export interface Running {
  readonly line: Line | undefined;
  /** Ends it; for the consumer that is an ordinary end. */
  dismiss(): void;
}

/** What an operation is made of. */
export interface OperationParts<Result> extends StartedOperation {
  readonly isRetried: boolean;
  readonly signal: AbortSignal | undefined;
  readonly buffer: BufferOptions | undefined;
  readonly resume: Resume | undefined;
  readonly clock: Pick<ClientClock, 'schedule'>;
  /** Called when it begins, and when it has to move: for the line that it will be on. */
  readonly enlist: (operation: Running) => Line;
  /** Called once, when it is over. */
  readonly discharge: (operation: Running) => void;
  /** Told what an observer threw. */
  readonly report: (error: unknown) => void;
  /** Makes the same operation again. */
  readonly again: () => OperationHandle<Result>;
  /** Sees results first. */
  readonly onResult: ClientOptions['onResult'];
}

/** Libraries look for `Symbol.observable` when they are loaded, and fall back to this name. */
const observable: unique symbol = ((Symbol as { readonly observable?: symbol }).observable ??
  '@@observable') as never; // typed as a symbol, for a class to have it as the name of a method

/** {@link OperationHandle} as its client sees it: a member of a line, and where the results go. */
export class Operation<Result> implements OperationHandle<Result>, Running, Member, ResultSink {
  readonly status = new Status();
  readonly isRetried: boolean;
  line: Line | undefined;
  readonly #parts: OperationParts<Result>;
  readonly #resumption: Resumption | undefined;
  readonly #results: ResultIterator<Result>;
  #stop: (() => void) | undefined;
  #hasConsumer = false;
  /** Whether the server said anything of the operation on this connection. */
  #isHeard = false;
  /** Whether the server says so when it runs, on this connection. */
  #isToBeConfirmed = false;
  /** How often in a row it failed alone, on connections that worked. */
  #failures = 0;
  /** Until it is tried again after that. */
  #cancelPause: (() => void) | undefined;
  /** Those who want to know when it does, or that it will not. */
  #confirmations: readonly (() => void)[] = [];

  constructor(parts: OperationParts<Result>) {
    this.#parts = parts;
    this.isRetried = parts.isRetried;
    this.#resumption = parts.resume?.(parts.request);
    this.#results = new ResultIterator(
      { start: () => this.#start(), stop: () => this.dismiss(), report: parts.report },
      parts.buffer,
    );
  }

  get ready(): Promise<Readiness> {
    const ready = this.#becomeReady();
    // whoever reads it only to start the operation shall not be disturbed by it
    ready.catch(() => {});
    return ready;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Result> {
    this.#claim();
    return this.#results;
  }

  subscribe(observer: Observer<Result> | ((result: Result) => void)): Unsubscribable {
    this.#claim();
    this.#results.observe(typeof observer === 'function' ? { next: observer } : observer);
    this.#start();
    return { unsubscribe: this.#cancel };
  }

  /** A view that starts an operation of its own for each subscription. */
  [observable](): Pick<OperationHandle<Result>, 'subscribe'> {
    return { subscribe: (observer) => this.#parts.again().subscribe(observer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel();
  }

  return(): void {
    this.#cancel();
  }

  dismiss(): void {
    const stop = this.#stop;
    this.complete();
    stop?.();
  }

  attach(connection: Connection): void {
    const { kind, request } = this.#parts;
    this.#cancelPause?.();
    this.#isToBeConfirmed = connection.confirmsStarts === true;
    try {
      this.#stop = connection.start(
        { kind, request: this.#resumption?.toRequest(request) ?? request },
        this,
      );
      // it may have begun, and been cancelled, in there
      if (this.status.current === 'ended') this.#stop();
    } catch (cause) {
      this.#end(new TransportError('CLIENT_ERROR', String(cause), false, { cause }));
    }
  }

  connected(): void {
    if (!this.#isToBeConfirmed) this.status.set('live');
  }

  started(): void {
    this.#hear();
    this.status.set('live');
  }

  interrupted(): void {
    this.#stop = undefined;
    this.#isHeard = false;
    this.status.set('reconnecting');
  }

  moved(): void {
    this.line = this.#parts.enlist(this);
    this.line.add(this);
  }

  failed(failure: TransportError): void {
    const { line } = this;
    const pauseMs = line?.pauseAfter(this, failure, this.#failures);
    if (pauseMs === undefined) return this.#end(failure);
    this.#failures += 1;
    this.interrupted();
    this.#cancelPause = this.#parts.clock.schedule(() => line?.resume(this), pauseMs);
  }

  next(result: FormattedResult): void {
    // a query with its result does not wait for the end
    if (this.status.current !== 'ended') this.#take(result);
  }

  error(errors: readonly FormattedError[]): void {
    // it leaves first: whatever its consumer does about the errors, it is not sent again
    if (!this.#leave()) return;
    this.#take({ errors });
    this.#results.end();
  }

  complete(): void {
    this.#end();
  }

  #take(result: FormattedResult): void {
    this.#hear();
    const received = this.#resumption?.receive(result);
    if (received?.outcome) this.status.set(received.outcome);
    const given = received ? received.result : result;
    if (!given) return;
    const { kind, request, onResult } = this.#parts;
    onResult?.(given as OperationResult, { kind, request }); // whatever the server made of it
    this.#results.push(given as Result); // as the caller of the client typed it
  }

  #claim(): void {
    if (this.#hasConsumer) throw new UsageError('An operation has one consumer');
    this.#hasConsumer = true;
  }

  #start(): void {
    const { signal, enlist } = this.#parts;
    if (this.status.current !== 'idle') return;
    if (signal?.aborted) return this.#cancel();
    this.line = enlist(this);
    signal?.addEventListener('abort', this.#cancel);
    this.status.set('connecting');
    this.line.add(this);
  }

  async #becomeReady(): Promise<Readiness> {
    this.#start();
    for await (const state of this.status) {
      if (state === 'live') return { confirmed: await this.#isConfirmed() };
      if (state === 'recovered' || state === 'gap') return { confirmed: true };
    }
    throw new TransportError('CONNECTION_LOST', 'The operation ended before it was live', false);
  }

  /** Whether the server says that it listens, which one that can resume does at once. */
  async #isConfirmed(): Promise<boolean> {
    const { resume, clock } = this.#parts;
    if (!resume && !this.#isToBeConfirmed) return false;
    if (this.#isHeard) return true;
    await new Promise<void>((resolve) => {
      const cancel = clock.schedule(resolve, confirmationMs);
      this.#confirmations = [...this.#confirmations, cancel, resolve];
    });
    return this.#isHeard;
  }

  #hear(): void {
    this.#isHeard = true;
    this.#failures = 0;
    this.#confirm();
  }

  #confirm(): void {
    for (const confirm of this.#confirmations) confirm();
    this.#confirmations = [];
  }

  readonly #cancel = (): void => {
    this.#results.cancel();
    this.dismiss();
  };

  #end(error?: unknown): void {
    if (this.#leave()) this.#results.end(error);
  }

  /** Whether it was not over before. */
  #leave(): boolean {
    if (this.status.current === 'ended') return false;
    this.#stop = undefined;
    this.#cancelPause?.();
    this.#confirm();
    this.status.set('ended');
    this.#parts.signal?.removeEventListener('abort', this.#cancel);
    this.#parts.discharge(this);
    this.line?.remove(this);
    return true;
  }
}
