import type {
  CallbackEnd,
  CallbackLane,
  CallbackOutput,
  CallbackReply,
  CallbackSubscription,
} from '../../protocol/index.ts';
import { CallbackEmitter } from '../../protocol/index.ts';
import type { Instant } from '../../vocabulary.ts';
import type { ServerCore } from '../core.ts';
import type { Waiting } from '../deadlines.ts';
import type { TextTarget } from '../turn-output.ts';
import type { CallbackSettings } from './callback-options.ts';
import { postMessage } from './post-message.ts';

/** Whom a {@link CallbackLine} tells how it goes. */
export interface CallbackLineOwner {
  /** The subscriber is there. */
  opened(): void;
  /** Something arrived there. */
  drained(): void;
  /** Called once; nothing is sent any more. */
  closed(end: CallbackEnd, last: CallbackReply | undefined): void;
}

/** The requests of one subscription: what its emitter wants is done. */
export class CallbackLine implements Waiting, TextTarget {
  slot: number | undefined = undefined;
  readonly #core: ServerCore;
  readonly #settings: CallbackSettings;
  readonly #url: string;
  readonly #owner: CallbackLineOwner;
  readonly #emitter: CallbackEmitter;
  readonly #requests = new Map<CallbackLane, AbortController>();
  /** What came back last, for whoever has to explain the end. */
  #last: CallbackReply | undefined;

  constructor(
    core: ServerCore,
    settings: CallbackSettings,
    subscription: CallbackSubscription,
    owner: CallbackLineOwner,
  ) {
    this.#core = core;
    this.#settings = settings;
    this.#url = subscription.callbackUrl.href;
    this.#owner = owner;
    this.#emitter = new CallbackEmitter(subscription, { ...settings, random: Math.random });
  }

  get deadline(): Instant {
    return this.#emitter.deadline;
  }

  get bufferedBytes(): number {
    return this.#emitter.waitingBytes;
  }

  open(): void {
    this.#apply(this.#emitter.open(this.#core.clock.now()));
  }

  send(message: string): void {
    this.#apply(this.#emitter.next(message, this.#core.clock.now()));
  }

  /** Sends the last message behind what waits. */
  end(message: string): void {
    this.#apply(this.#emitter.end(message, this.#core.clock.now()));
  }

  /** Sends the last message next. */
  endNow(message: string): void {
    this.#emitter.forgetWaiting();
    this.end(message);
    this.hurry();
  }

  /** The end may not take long. */
  hurry(): void {
    this.#emitter.hurry(this.#core.clock.now());
    this.#apply([]);
  }

  cancel(): void {
    this.#apply(this.#emitter.cancel());
  }

  tick(now: Instant): void {
    this.#apply(this.#emitter.tick(now));
  }

  #apply(outputs: readonly CallbackOutput[]): void {
    for (const output of outputs) this.#do(output);
    if (this.#emitter.state !== 'closed') this.#core.deadlines.watch(this);
  }

  #do(output: CallbackOutput): void {
    switch (output.kind) {
      case 'post':
        return void this.#post(output.lane, output.body); // never rejects
      case 'abort':
        return this.#requests.get(output.lane)?.abort();
      case 'opened':
        return this.#owner.opened();
      case 'closed':
        this.#core.deadlines.forget(this);
        return this.#owner.closed(output.end, this.#last);
    }
  }

  async #post(lane: CallbackLane, body: string): Promise<void> {
    const { fetch } = this.#settings;
    const request = new AbortController();
    this.#requests.set(lane, request);
    const reply = await postMessage({ fetch, url: this.#url, body, signal: request.signal });
    if (this.#emitter.state === 'closed') return;
    this.#last = reply;
    this.#apply(this.#emitter.replied(lane, reply, this.#core.clock.now()));
    this.#owner.drained();
  }
}
