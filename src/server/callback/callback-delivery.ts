import type { CallbackEnd, CallbackReply, CallbackSubscription } from '../../protocol/index.ts';
import { encodeCallbackComplete, encodeCallbackNext, utf8Length } from '../../protocol/index.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { ServerCore } from '../core.ts';
import type { Writing } from '../outbox.ts';
import { Outbox } from '../outbox.ts';
import type { ResultText } from '../result-text.ts';
import type { ResultPolicy, ResultReader } from '../slow-consumer.ts';
import { CallbackLine } from './callback-line.ts';
import type { CallbackLineOwner } from './callback-line.ts';
import type { CallbackSettings } from './callback-options.ts';

/** Where a {@link CallbackDelivery} is going, and whom it tells of its end. */
export interface CallbackDestination {
  readonly settings: CallbackSettings;
  readonly subscription: CallbackSubscription;
  /** Called when results are of no use any more; the message that says so is under way. */
  readonly onTooSlow: () => void;
  /** Called once, when nothing more is sent to a subscriber that was there. */
  readonly onClosed: (end: CallbackEnd) => void;
}

/** The results of one subscription on their way to its callback: what waits is bounded like what waits in a socket. */
export class CallbackDelivery implements ResultReader, CallbackLineOwner {
  readonly id = '';
  policy: ResultPolicy = 'keep';
  droppedResults = 0;
  readonly #core: ServerCore;
  readonly #destination: CallbackDestination;
  readonly #line: CallbackLine;
  readonly #outbox: Outbox;
  #answerCheck: ((answer: 'opened' | CallbackEnd) => void) | undefined;
  #isOver = false;

  constructor(core: ServerCore, destination: CallbackDestination) {
    const { settings, subscription } = destination;
    this.#core = core;
    this.#destination = destination;
    this.#line = new CallbackLine(core, settings, subscription, this);
    this.#outbox = new Outbox(this.#line, core.limits, core);
  }

  /** Asks whether the subscriber is there; resolves with `opened`, or with what ended it. */
  check(): Promise<'opened' | CallbackEnd> {
    return new Promise((resolve) => {
      this.#answerCheck = resolve;
      this.#line.open();
    });
  }

  deliver(result: ResultText): void {
    if (!this.#isOver && this.#outbox.deliver(this, result) === 'too-slow') this.#endAsTooSlow();
  }

  /** Sends what ends the subscription, behind its results. */
  finish(errors?: readonly FormattedError[]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outbox.end(this, encodeCallbackComplete(this.#destination.subscription, errors));
  }

  /** The end that was sent may not take long. */
  hurry(): void {
    this.#line.hurry();
  }

  /** Nobody wants anything any more. */
  cancel(): void {
    this.#line.cancel();
  }

  room(): Promise<void> | undefined {
    return !this.#isOver && this.#outbox.isCrowded ? this.#outbox.room() : undefined;
  }

  writeTo(outbox: Outbox, { text }: ResultText): Writing {
    return outbox.write(encodeCallbackNext(this.#destination.subscription, text));
  }

  /** There is always room for an end: it is the only one. */
  writeEnd(_outbox: Outbox, message: string): Writing {
    this.#line.end(message);
    return 'sent';
  }

  bytesOf({ text }: ResultText): number {
    return utf8Length(encodeCallbackNext(this.#destination.subscription, text));
  }

  opened(): void {
    this.#answerCheck?.('opened');
    this.#answerCheck = undefined;
  }

  drained(): void {
    if (!this.#outbox.isCrowded) this.#outbox.drained();
  }

  closed(end: CallbackEnd, last: CallbackReply | undefined): void {
    if (end === 'refused' || end === 'unreachable') this.#report(end, last);
    this.#isOver = true;
    this.#outbox.discard();
    const answerCheck = this.#answerCheck;
    if (!answerCheck) return this.#destination.onClosed(end);
    this.#answerCheck = undefined;
    answerCheck(end);
  }

  #endAsTooSlow(): void {
    this.#isOver = true;
    this.#core.counters.slowConsumerDisconnects += 1;
    this.#outbox.discard();
    this.#destination.onTooSlow();
    const message = encodeCallbackComplete(this.#destination.subscription, [tooSlow]);
    this.#line.endNow(message);
  }

  /** Neither the path nor the id: they may be as secret as the verifier. */
  #report(end: CallbackEnd, last: CallbackReply | undefined): void {
    const { origin } = this.#destination.subscription.callbackUrl;
    const answer = last?.kind === 'answer' ? `status ${last.status}` : 'no answer';
    this.#core.report(new Error(`the callback at ${origin} is ${end}: ${answer}`), 'callback');
  }
}

const tooSlow: FormattedError = {
  message: 'Reads too slowly',
  extensions: { code: 'SLOW_CONSUMER' },
};
