import { never } from '../../vocabulary.ts';
import type { FormattedError, FormattedResult, Instant } from '../../vocabulary.ts';
import { nothing } from '../outputs.ts';
import type { Authorization } from './client-handshake.ts';

/** What has to be done for a subscription, or told to whoever asked for it, in this order. */
export type ClientSubscriptionOutput =
  /** Find out who asks, then call `authorized` or `refused`. */
  | { readonly kind: 'authorize' }
  | { readonly kind: 'send-start'; readonly authorization: Authorization }
  | { readonly kind: 'send-stop' }
  | { readonly kind: 'started' }
  | { readonly kind: 'result'; readonly result: FormattedResult }
  /** The last output: request errors, or the failure of its source. */
  | { readonly kind: 'error'; readonly errors: readonly FormattedError[] }
  /** The last output. */
  | { readonly kind: 'complete' }
  /** The last output: it could not be started, for this reason. */
  | { readonly kind: 'fail'; readonly cause: unknown }
  /** The last output: the server did not say that it runs. */
  | { readonly kind: 'time-out' };

/** What a server says of one subscription, in the words of {@link IncomingMessage}. */
export type SubscriptionMessage =
  | { readonly type: 'start_ack' }
  | { readonly type: 'next'; readonly payload: FormattedResult }
  | { readonly type: 'error'; readonly payload: readonly FormattedError[] }
  | { readonly type: 'complete' };

type State =
  /** The connection is not acknowledged. */
  | { readonly kind: 'queued' }
  | { readonly kind: 'authorizing' }
  /** `start` was sent, its acknowledgement has not come. */
  | { readonly kind: 'starting'; readonly dueAt: Instant }
  | { readonly kind: 'active' }
  /** As `starting`, but nobody wants it any more: `stop` waits for the acknowledgement. */
  | { readonly kind: 'stopping'; readonly dueAt: Instant }
  | { readonly kind: 'done' };

/** As in the table of its transitions. */
export type ClientSubscriptionState = State['kind'];

/**
 * One subscription on one connection, on the client's side: when it may be sent, when it counts as begun, and how it is stopped.
 *
 * @remarks
 * Pure. Some servers lose a `stop` that overtakes the beginning of its subscription, so that waits for `start_ack`.
 */
export class ClientSubscription {
  readonly #startAckTimeoutMs: number;
  #state: State = { kind: 'queued' };

  /** @param startAckTimeoutMs - time from `start` to `start_ack` */
  constructor(startAckTimeoutMs: number) {
    this.#startAckTimeoutMs = startAckTimeoutMs;
  }

  get state(): ClientSubscriptionState {
    return this.#state.kind;
  }

  /** When {@link ClientSubscription.tick} has to be called next. */
  get deadline(): Instant {
    return 'dueAt' in this.#state ? this.#state.dueAt : never;
  }

  /** The connection is acknowledged. */
  connected(): readonly ClientSubscriptionOutput[] {
    if (this.state !== 'queued') return nothing;
    this.#state = { kind: 'authorizing' };
    return [{ kind: 'authorize' }];
  }

  authorized(now: Instant, authorization: Authorization): readonly ClientSubscriptionOutput[] {
    if (this.state !== 'authorizing') return nothing;
    this.#state = { kind: 'starting', dueAt: now + this.#startAckTimeoutMs };
    return [{ kind: 'send-start', authorization }];
  }

  /** It cannot be authorized, or the message that starts it cannot be written. */
  refused(cause: unknown): readonly ClientSubscriptionOutput[] {
    return this.state === 'authorizing' || this.state === 'starting'
      ? this.#end([{ kind: 'fail', cause }])
      : nothing;
  }

  receive(message: SubscriptionMessage): readonly ClientSubscriptionOutput[] {
    const { state } = this;
    if (state === 'stopping') return this.#receiveStopping(message);
    if (state !== 'starting' && state !== 'active') return nothing;
    switch (message.type) {
      case 'start_ack':
        this.#state = { kind: 'active' };
        return state === 'starting' ? [{ kind: 'started' }] : nothing;
      case 'next':
        return [{ kind: 'result', result: message.payload }];
      case 'error':
        return this.#end([{ kind: 'error', errors: message.payload }]);
      case 'complete':
        return this.#end([{ kind: 'complete' }]);
    }
  }

  /** Nobody wants it any more. */
  cancel(): readonly ClientSubscriptionOutput[] {
    switch (this.#state.kind) {
      case 'starting':
        this.#state = { kind: 'stopping', dueAt: this.#state.dueAt };
        return nothing;
      case 'active':
        return this.#end([{ kind: 'send-stop' }]);
      case 'queued':
      case 'authorizing':
        return this.#end(nothing);
      case 'stopping':
      case 'done':
        return nothing;
    }
  }

  tick(now: Instant): readonly ClientSubscriptionOutput[] {
    if (now < this.deadline) return nothing;
    return this.#end(
      this.state === 'stopping'
        ? [{ kind: 'send-stop' }]
        : [{ kind: 'send-stop' }, { kind: 'time-out' }],
    );
  }

  /** The connection is gone. */
  closed(): void {
    this.#state = { kind: 'done' };
  }

  #receiveStopping({ type }: SubscriptionMessage): readonly ClientSubscriptionOutput[] {
    if (type === 'next') return nothing;
    return this.#end(type === 'start_ack' ? [{ kind: 'send-stop' }] : nothing);
  }

  #end(outputs: readonly ClientSubscriptionOutput[]): readonly ClientSubscriptionOutput[] {
    this.#state = { kind: 'done' };
    return outputs;
  }
}
