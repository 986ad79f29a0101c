import type { FormattedResult } from '../../vocabulary.ts';
import type { ClientClock, ResultSink, StartedOperation } from '../transport.ts';
import type { TransportError } from '../transport-error.ts';
import { toRequestText } from './fetch-request.ts';
import { discard } from './response-body.ts';
import { readRefusal, withoutResponse } from './sse-single-refusal.ts';
import type { Refusal } from './sse-single-refusal.ts';
import type { SingleRequests } from './sse-single-requests.ts';
import { withToken } from './sse-format.ts';

/** The connection of an operation, as that sees it. */
export interface SingleStream {
  readonly requests: SingleRequests;
  readonly clock: ClientClock;
  /** Whether it brings results. */
  readonly isOpen: boolean;
  /** Nothing more is told of the operation. */
  forget(id: string): void;
  /** What happened to an operation says that the stream is of no more use. */
  lose(failure: TransportError): void;
}

/** What an operation is made of. */
export interface SingleOperationParts {
  /** Digits, which can stand in a URL. */
  readonly id: string;
  readonly operation: StartedOperation;
  readonly sink: ResultSink;
  readonly stream: SingleStream;
}

/** One operation of a connection: the request that asks for it, the one that stops it, and the results between. */
export class SingleOperation {
  /** Whether sending it twice could do something twice: it waits until the stream is open, for what was not sent may be sent elsewhere. */
  readonly mayMutate: boolean;
  readonly #parts: SingleOperationParts;
  readonly #body: string;
  /** `left`: its consumer has gone, and whether the server executes it is not known yet. */
  #phase: 'waiting' | 'asked' | 'accepted' | 'left' | 'over' = 'waiting';
  #isConfirmed = false;

  /** @throws TypeError for variables or extensions that JSON cannot hold */
  constructor(parts: SingleOperationParts) {
    const { id, operation } = parts;
    const { kind, request } = operation;
    const extensions = { ...request.extensions, operationId: id };
    this.#parts = parts;
    this.#body = toRequestText({ kind, request: { ...request, extensions } });
    this.mayMutate = kind === 'mutation' || /\bmutation\b/.test(request.query);
  }

  /** Asks the server to execute it, unless that was done before. Never rejects. */
  async ask(): Promise<void> {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'asked';
    const { requests, clock } = this.#parts.stream;
    // no other type beside it: the reference server compares the whole header
    const question = { method: 'POST', accept: 'application/json', body: this.#body } as const;
    const refusal = await requests
      .send(question, async (response) => {
        if (response.status !== 202) return readRefusal(response, clock);
        discard(response);
        return undefined;
      })
      // requests reject with nothing else, and what is made of this one throws nothing
      .catch((failure: unknown) => withoutResponse(failure as TransportError));
    if (refusal) this.#refuse(refusal);
    else this.#accept();
  }

  /** The stream is open, or the server executes the operation: with both there, it runs. */
  confirm(): void {
    const { sink, stream } = this.#parts;
    if (this.#phase !== 'accepted' || this.#isConfirmed || !stream.isOpen) return;
    this.#isConfirmed = true;
    sink.started?.();
  }

  /** @param token - where the stream stands; may be empty */
  next(result: FormattedResult, token: string): void {
    const { operation, sink } = this.#parts;
    // whether or not the answer to its request has arrived
    this.#accept();
    if (this.#phase === 'accepted') sink.next(withToken(result, token, operation.request));
  }

  complete(): void {
    this.#end('over');
    this.#parts.sink.complete();
  }

  /** Its consumer wants nothing more. */
  stop(): void {
    switch (this.#phase) {
      case 'waiting':
        return this.#end('over');
      case 'asked':
        // a DELETE that overtook the POST would stop nothing
        return this.#end('left');
      case 'accepted':
        return this.#delete();
      case 'left':
      case 'over':
    }
  }

  /** Its connection is over, which the server learns from the end of the stream. */
  abandon(): void {
    this.#phase = 'over';
  }

  #accept(): void {
    if (this.#phase === 'left') return this.#delete();
    if (this.#phase === 'asked') this.#phase = 'accepted';
    this.confirm();
  }

  #refuse({ failure, errors, isStreamGone, isUnreachable, mayBeDone }: Refusal): void {
    const { operation, sink, stream } = this.#parts;
    const wasAsked = this.#phase === 'asked';
    // the stream of a server that is out of reach will not last, and coming back is what a subscription wants
    const comesBack = wasAsked && isUnreachable && operation.kind === 'subscription';
    if (isStreamGone || comesBack) return stream.lose(failure);
    if (mayBeDone && (wasAsked || this.#phase === 'left')) this.#delete();
    if (!wasAsked) return;
    this.#end('over');
    if (errors) sink.error(errors);
    else sink.failed(failure);
  }

  #delete(): void {
    const { id, stream } = this.#parts;
    this.#end('over');
    stream.requests
      // whatever it says: results that still come are nobody's
      .send({ method: 'DELETE', accept: '*/*', operationId: id }, discard)
      .catch((error: unknown) => {
        const failure = error as TransportError; // requests reject with nothing else
        // what could not be stopped ends with its stream
        if (failure.retryable) stream.lose(failure);
      });
  }

  #end(phase: 'left' | 'over'): void {
    this.#phase = phase;
    this.#parts.stream.forget(this.#parts.id);
  }
}
