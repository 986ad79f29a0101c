import type { PreparedOperation } from '../execution/index.ts';
import { singleFraming, toByteString, utf8Length } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { refusal } from './admission.ts';
import type { ServerCore } from './core.ts';
import { answerErrors, toText } from './http-response.ts';
import type { HttpResponse } from './http-response.ts';
import type { ResultSink } from './operation-run.ts';
import type { Outbox, Writing } from './outbox.ts';
import type { ResultText } from './result-text.ts';
import type { ResultPolicy, ResultReader, SlowConsumerPolicy } from './slow-consumer.ts';
import type { StreamSession } from './stream-session.ts';

/** What an {@link SseOperation} is, and whom it tells what. */
export interface SseOperationOptions {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Where the results go. */
  readonly stream: StreamSession;
  /** Called once, with the answer to the request that asked for the operation. */
  readonly respond: (response: HttpResponse) => void;
  /** Called once, when the operation has ended by itself. */
  readonly onEnd: () => void;
}

/**
 * One operation of the single connection mode: the answer to its request, and its results on the stream.
 *
 * @remarks
 * The request is answered with 202 when a subscription's source is open, and for others as soon as nothing refused them at once. Errors that come before
 * that are the answer; those that come later are results.
 */
export class SseOperation implements ResultSink, ResultReader {
  readonly #core: ServerCore;
  readonly #options: SseOperationOptions;
  #kind: PreparedOperation['kind'] | undefined;
  #isAnswered = false;
  policy: ResultPolicy = 'keep';
  droppedResults = 0;

  constructor(core: ServerCore, options: SseOperationOptions) {
    this.#core = core;
    this.#options = options;
  }

  readonly objectionTo = (prepared: PreparedOperation): NotAdmitted | undefined => {
    if (this.#options.method === 'GET' && prepared.kind === 'mutation') {
      return refusal('METHOD_NOT_ALLOWED', 'use POST for mutations');
    }
    this.#kind = prepared.kind;
    return undefined;
  };

  admitted(): void {
    if (this.#kind === 'subscription') return;
    // variables that do not fit are found within this turn; a slow resolver must not hold the request open
    void this.#core.clock.turn().then(() => this.#accept());
  }

  /** @param policy - of its events, unless that of the server applies */
  started(policy: SlowConsumerPolicy = this.#core.slowConsumer): void {
    this.policy = policy;
    this.#accept();
  }

  next(result: ResultText): void {
    this.#accept();
    this.#options.stream.deliver(this, result);
  }

  error(errors: readonly FormattedError[]): void {
    const { id, stream, onEnd } = this.#options;
    onEnd();
    if (this.#isAnswered) return stream.finish(this, singleFraming.error(id, errors));
    const answer = answerErrors(this.#core, 'application/graphql-response+json', errors);
    // 2xx would promise results
    this.#answer(answer.status < 400 ? { ...answer, status: 400 } : answer);
  }

  complete(): void {
    const { id, stream, onEnd } = this.#options;
    this.#accept();
    onEnd();
    stream.finish(this, singleFraming.complete(id));
  }

  get id(): string {
    return this.#options.id;
  }

  writeTo(outbox: Outbox, { text }: ResultText): Writing {
    const piece = singleFraming.result(this.id, text);
    return outbox.write(outbox.takesBytes ? toByteString(piece) : piece);
  }

  writeEnd(outbox: Outbox, message: string): Writing {
    return outbox.writeMessage(outbox.takesBytes ? toByteString(message) : message);
  }

  bytesOf({ text }: ResultText): number {
    return utf8Length(singleFraming.result(this.id, text));
  }

  room(): Promise<void> | undefined {
    return this.#options.stream.room();
  }

  /** Its client stopped it, or the stream is gone; nothing is told there. */
  stopped(): void {
    this.#options.stream.forget((reader) => reader === this);
    this.#answer(toText(204, ''));
  }

  #accept(): void {
    this.#answer(toText(202, ''));
  }

  #answer(response: HttpResponse): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.respond(response);
  }
}
