import { UsageError } from '../errors.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import type { Line, Member } from './line.ts';
import { TransportError } from './transport-error.ts';
import type { Observer, OperationHandle, Readiness, Unsubscribable } from './operation-handle.ts';
import { ResultIterator } from './result-iterator.ts';
import type { BufferOptions } from './result-iterator.ts';
import type { Resume, Resumption } from './resumption.ts';
import { Status } from './status.ts';
import type { Connection, ResultSink, StartedOperation } from './transport.ts';

/** An operation that has begun, as its client sees it. */
export interface Running {
  readonly line: Line | undefined;
  /** Its client, or the connection that it was given to, was closed: for the consumer that is an ordinary end. */
  dismiss(): void;
}

/** What an operation is made of. */
export interface OperationParts<Result> extends StartedOperation {
  readonly isRetried: boolean;
  readonly signal: AbortSignal | undefined;
  readonly buffer: BufferOptions | undefined;
  /** Called once, when it begins: for the line that it will be on. */
  readonly enlist: (operation: Running) => Line;
  /** Called once, when it is over. */
  readonly discharge: (operation: Running) => void;
  readonly resume: Resume | undefined;
  /** Told what an observer threw. */
  readonly onInternalError: (error: unknown) => void;
  /** Makes the same operation again. */
  readonly again: () => Operation<Result>;
}

/** An observer that also wants to know that the operation was cancelled. */
export interface InnerObserver<Result> extends Observer<Result> {
  cancelled?(reason: unknown): void;
}

interface Promised<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

/** Libraries look for `Symbol.observable` when they are loaded, and fall back to this name. */
const observable: unique symbol = ((Symbol as { readonly observable?: symbol }).observable ??
  '@@observable') as never; // typed as a symbol, for a class to have it as the name of a method

/** {@link OperationHandle} as its client sees it: a member of a line, and where the results go. */
export class Operation<Result> implements OperationHandle<Result>, Running, Member, ResultSink {
  readonly status = new Status();
  readonly #parts: OperationParts<Result>;
  readonly #resumption: Resumption | undefined;
  #line: Line | undefined;
  #stop: (() => void) | undefined;
  #ready: Promised<Readiness> | undefined;
  #hasConsumer = false;
  #observer: InnerObserver<Result> | undefined;
  /** Takes results while there is no observer. */
  #buffer: ResultIterator<Result> | undefined;

  constructor(parts: OperationParts<Result>) {
    this.#parts = parts;
    this.#resumption = parts.resume?.(parts.request);
  }

  get isRetried(): boolean {
    return this.#parts.isRetried;
  }

  get line(): Line | undefined {
    return this.#line;
  }

  get ready(): Promise<Readiness> {
    if (!this.#ready) {
      this.#ready = promise();
      this.#start();
      const state = this.status.current;
      if (state === 'ended') this.#neverReady();
      else if (state !== 'connecting') this.#ready.resolve({ confirmed: false });
    }
    return this.#ready.promise;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Result> {
    this.#claim();
    return this.#bufferOf();
  }

  subscribe(observer: InnerObserver<Result> | ((result: Result) => void)): Unsubscribable {
    this.#claim();
    this.#observer = typeof observer === 'function' ? { next: observer } : observer;
    const buffer = this.#buffer;
    if (buffer) {
      buffer.handOver({
        next: (result) => this.#tell('next', result),
        error: (error) => this.#tell('error', error),
        complete: () => this.#tell('complete'),
      });
    }
    this.#start();
    return { unsubscribe: () => this.return() };
  }

  /** A view that starts an operation of its own for each subscription. */
  [observable](): { subscribe: OperationHandle<Result>['subscribe'] } {
    return {
      subscribe: (observer) => this.#parts.again().subscribe(observer),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.return();
  }

  return(): void {
    this.#cancel();
    this.#buffer?.end();
  }

  dismiss(): void {
    if (this.#cancel()) this.#finish();
  }

  attach(connection: Connection): void {
    if (this.status.current === 'ended') return;
    const { kind, request } = this.#parts;
    try {
      this.#stop = connection.start(
        { kind, request: this.#resumption?.toRequest(request) ?? request },
        this,
      );
    } catch (error) {
      this.#end();
      this.#finish(error);
    }
  }

  connected(): void {
    this.status.set('live');
    this.#ready?.resolve({ confirmed: false });
  }

  interrupted(): void {
    this.#stop = undefined;
    this.status.set('reconnecting');
  }

  failed(failure: TransportError): void {
    if (this.#end()) this.#finish(failure);
  }

  next(result: FormattedResult): void {
    if (!this.#resumption) return this.#tell('next', result);
    const received = this.#resumption.receive(result);
    if (received.outcome) this.status.set(received.outcome);
    if (received.result) this.#tell('next', received.result);
  }

  error(errors: readonly FormattedError[]): void {
    this.#tell('next', { errors });
    this.complete();
  }

  complete(): void {
    if (this.#end()) this.#finish();
  }

  #claim(): void {
    if (this.#hasConsumer)
      throw new UsageError('An operation has one consumer; start another one.');
    this.#hasConsumer = true;
  }

  #start(): void {
    if (this.status.current !== 'idle') return;
    const { signal, enlist } = this.#parts;
    if (signal?.aborted) return this.return();
    this.#line = enlist(this);
    signal?.addEventListener('abort', this.#onAbort);
    this.status.set('connecting');
    this.#line.add(this);
  }

  readonly #onAbort = (): void => this.return();

  /** Whether it was not over before. */
  #cancel(): boolean {
    if (this.status.current === 'ended') return false;
    const stop = this.#stop;
    this.#end();
    stop?.();
    this.#observer?.cancelled?.(this.#parts.signal?.reason);
    return true;
  }

  /** Leaves everything; whether it was not over before. */
  #end(): boolean {
    if (this.status.current === 'ended') return false;
    this.#stop = undefined;
    this.status.set('ended');
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    this.#parts.discharge(this);
    this.#line?.remove(this);
    this.#neverReady();
    return true;
  }

  #finish(error?: unknown): void {
    if (error === undefined) this.#tell('complete');
    else this.#tell('error', error);
  }

  #tell(kind: 'next' | 'error' | 'complete', value?: unknown): void {
    const observer = this.#observer;
    if (!observer) {
      if (kind === 'next') this.#bufferOf().push(value as Result);
      else this.#bufferOf().end(value);
      return;
    }
    try {
      observer[kind]?.(value as never); // what goes with `kind`, by its callers
    } catch (error) {
      this.#parts.onInternalError(error);
    }
  }

  #bufferOf(): ResultIterator<Result> {
    this.#buffer ??= new ResultIterator(
      this.#parts.buffer ?? {},
      () => this.#start(),
      () => this.return(),
    );
    return this.#buffer;
  }

  #neverReady(): void {
    this.#ready?.reject(
      new TransportError('CONNECTION_LOST', 'The operation ended before.', false),
    );
  }
}

function promise<Value>(): Promised<Value> {
  let resolve: Promised<Value>['resolve'] = () => {};
  let reject: Promised<Value>['reject'] = () => {};
  const created = new Promise<Value>((fulfil, fail) => {
    resolve = fulfil;
    reject = fail;
  });
  // whoever does not look at it shall not be disturbed by it
  created.catch(() => {});
  return { promise: created, resolve, reject };
}
