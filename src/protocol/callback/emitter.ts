import type { Instant } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';
import { utf8Length } from '../utf8-length.ts';
import { encodeMessage } from './codec.ts';
import type { LaneDemand, RetryPeriods } from './message-lane.ts';
import { MessageLane } from './message-lane.ts';
import type { CallbackSubscription } from './messages.ts';
import { callbackVersion } from './messages.ts';

/** `event`: results and the end, strictly one after the other; `check`: signs of life beside them. */
export type Lane = 'check' | 'event';

/** What came back for a message; `none`: no connection, no answer in time, or none that is HTTP. */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Of the header `subscription-protocol`. */
      readonly protocol: string | undefined;
    }
  | { readonly kind: 'none' };

/** Why a subscription is over; `gone`: its subscriber wants no more. */
export type EmitterEnd = 'completed' | 'gone' | 'refused' | 'unreachable' | 'cancelled';

/** What has to be done. */
export type EmitterOutput =
  | { readonly kind: 'post'; readonly lane: Lane; readonly body: string }
  /** The request that is under way is given up; {@link CallbackEmitter.replied} still has to follow. */
  | { readonly kind: 'abort'; readonly lane: Lane }
  /** The subscriber is there: the source may be opened. */
  | { readonly kind: 'opened' }
  /** Nothing is sent any more. */
  | { readonly kind: 'closed'; readonly end: EmitterEnd };

export type EmitterState = 'checking' | 'quiet' | 'sending' | 'ending' | 'closed';

/** Periods of a {@link CallbackEmitter}, and chance. */
export interface EmitterOptions extends RetryPeriods {
  /** A longer interval than this is not waited for. */
  readonly heartbeatMaxMs: number;
  /** How long the last messages may take once somebody is in a hurry. */
  readonly closingMs: number;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

/** The part of the interval after which the next check is sent: some subscribers tolerate no delay at all. */
const intervalShare = 0.8;

/** One subscription of the HTTP callback protocol, on the side that has the events. */
export class CallbackEmitter {
  readonly #options: EmitterOptions;
  readonly #check: string;
  /** Between two checks; `never` if there is to be but one. */
  readonly #periodMs: number;
  readonly #checks: MessageLane;
  readonly #events: MessageLane;
  #phase: 'checking' | 'running' | 'ending' | 'closed' = 'checking';
  #waiting: string[] = [];
  /** Of what waits and what is under way. */
  #bytes = 0;
  #sentBytes = 0;
  #heartbeatAt: Instant = never;
  #failedChecks = 0;
  #closesAt: Instant = never;

  constructor(subscription: CallbackSubscription, options: EmitterOptions) {
    const { heartbeatIntervalMs: intervalMs } = subscription;
    this.#options = options;
    this.#check = encodeMessage(subscription, { action: 'check' });
    this.#periodMs =
      intervalMs === 0 ? never : Math.min(intervalMs * intervalShare, options.heartbeatMaxMs);
    this.#checks = new MessageLane(options);
    this.#events = new MessageLane(options);
  }

  get state(): EmitterState {
    if (this.#phase !== 'running') return this.#phase;
    return this.#events.isFree ? 'quiet' : 'sending';
  }

  /** When {@link CallbackEmitter.tick} has to be called next. */
  get deadline(): Instant {
    if (this.#phase === 'closed') return never;
    const beats = this.#phase === 'running' && this.#checks.isFree;
    return Math.min(
      this.#checks.deadline,
      this.#events.deadline,
      this.#closesAt,
      beats ? this.#heartbeatAt : never,
    );
  }

  /** UTF-8 bytes of the messages that have not arrived. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Asks whether the subscriber is there; the first thing to be done. */
  open(now: Instant): readonly EmitterOutput[] {
    this.#heartbeatAt = now + this.#periodMs;
    return toOutputs('check', this.#checks.post(this.#check, now));
  }

  /** Sends a result, as a whole message, behind those that wait. */
  next(body: string, now: Instant): readonly EmitterOutput[] {
    return this.#phase === 'running' ? this.#append(body, now) : [];
  }

  /** Sends the last message behind what waits. */
  end(body: string, now: Instant): readonly EmitterOutput[] {
    if (this.#phase !== 'running') return [];
    this.#phase = 'ending';
    return this.#append(body, now);
  }

  /** What waits is of no use any more; what is under way stays so. */
  forgetWaiting(): void {
    this.#waiting = [];
    this.#bytes = this.#sentBytes;
  }

  /** Somebody waits for the end of what was opened, and not for long; it may still have to wait for room. */
  hurry(now: Instant): void {
    if (this.#phase === 'checking') return;
    this.#closesAt = Math.min(this.#closesAt, now + this.#options.closingMs);
  }

  /** Nobody wants the rest. */
  cancel(): readonly EmitterOutput[] {
    return this.#close('cancelled');
  }

  /** What came of the request that is under way in `lane`. */
  replied(lane: Lane, reply: Reply, now: Instant): readonly EmitterOutput[] {
    if (this.#phase === 'closed' || !this.#laneOf(lane).isAsking) return [];
    const verdict = this.#judge(reply);
    switch (verdict) {
      case 'accepted':
        return lane === 'check' ? this.#checkAccepted() : this.#eventAccepted(now);
      case 'failed':
        return lane === 'check' ? this.#checkFailed(now) : this.#failed(this.#events, now);
      case 'gone':
      case 'refused':
        this.#laneOf(lane).clear();
        return this.#close(verdict);
    }
  }

  tick(now: Instant): readonly EmitterOutput[] {
    if (this.#phase === 'closed') return [];
    if (this.#closesAt <= now) return this.#close('unreachable');
    return [
      ...toOutputs('check', this.#checks.tick(now)),
      ...toOutputs('event', this.#events.tick(now)),
      ...this.#beat(now),
    ];
  }

  #laneOf(lane: Lane): MessageLane {
    return lane === 'check' ? this.#checks : this.#events;
  }

  #judge(reply: Reply): 'accepted' | 'gone' | 'refused' | 'failed' {
    if (reply.kind === 'none' || reply.status >= 500) return 'failed';
    const { status, protocol } = reply;
    if (status === 404) return 'gone';
    // redirects as well: nobody vouched for where they lead
    if (status < 200 || status >= 300) return 'refused';
    return this.#phase === 'checking' && !isSubscriber(status, protocol) ? 'refused' : 'accepted';
  }

  #checkAccepted(): readonly EmitterOutput[] {
    this.#checks.clear();
    this.#failedChecks = 0;
    if (this.#phase !== 'checking') return [];
    this.#phase = 'running';
    return [{ kind: 'opened' }];
  }

  #eventAccepted(now: Instant): readonly EmitterOutput[] {
    this.#events.clear();
    this.#failedChecks = 0;
    this.#bytes -= this.#sentBytes;
    this.#sentBytes = 0;
    return this.#sendWaiting(now);
  }

  /** Heartbeats are not repeated: the next one is as good. */
  #checkFailed(now: Instant): readonly EmitterOutput[] {
    if (this.#phase === 'checking') return this.#failed(this.#checks, now);
    this.#checks.clear();
    this.#failedChecks += 1;
    if (this.#failedChecks >= this.#options.attempts) return this.#close('unreachable');
    return this.#beat(now);
  }

  #failed(lane: MessageLane, now: Instant): readonly EmitterOutput[] {
    if (lane.failed(now, this.#options.random()) === 'pausing') return [];
    lane.clear();
    return this.#close('unreachable');
  }

  #beat(now: Instant): readonly EmitterOutput[] {
    const isDue = this.#heartbeatAt <= now && this.#checks.isFree;
    if (this.#phase !== 'running' || !isDue) return [];
    this.#heartbeatAt = now + this.#periodMs;
    return toOutputs('check', this.#checks.post(this.#check, now, this.#periodMs));
  }

  #append(body: string, now: Instant): readonly EmitterOutput[] {
    this.#waiting.push(body);
    this.#bytes += utf8Length(body);
    return this.#sendWaiting(now);
  }

  #sendWaiting(now: Instant): readonly EmitterOutput[] {
    if (!this.#events.isFree) return [];
    const body = this.#waiting.shift();
    if (body === undefined) return this.#phase === 'ending' ? this.#close('completed') : [];
    this.#sentBytes = utf8Length(body);
    return toOutputs('event', this.#events.post(body, now));
  }

  #close(end: EmitterEnd): readonly EmitterOutput[] {
    if (this.#phase === 'closed') return [];
    this.#phase = 'closed';
    this.#waiting = [];
    this.#bytes = 0;
    const asking = (['check', 'event'] as const).filter((lane) => this.#laneOf(lane).isAsking);
    this.#checks.clear();
    this.#events.clear();
    return [...asking.map((lane) => ({ kind: 'abort', lane }) as const), { kind: 'closed', end }];
  }
}

/** An endpoint of another kind may answer 200 to anything. Not every subscriber sends the header, but 204 is what all of them answer. */
function isSubscriber(status: number, protocol: string | undefined): boolean {
  return protocol === callbackVersion || (protocol === undefined && status === 204);
}

function toOutputs(lane: Lane, demand: LaneDemand | undefined): readonly EmitterOutput[] {
  return demand ? [{ ...demand, lane }] : [];
}
