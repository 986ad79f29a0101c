import { ProtocolViolation } from '../../errors.ts';
import type { CallbackSubscription } from '../../protocol/index.ts';
import { parseCallback } from '../../protocol/index.ts';
import type { OperationRequest } from '../../vocabulary.ts';
import type { NotAdmitted } from '../admission.ts';
import { limitError, refusal } from '../admission.ts';
import type { ServerCore } from '../core.ts';
import type { Drainable } from '../drain.ts';
import type { CallbackSettings } from './callback-options.ts';

/** A subscription whose callback may be called. */
export interface CallbackPlace {
  readonly kind: 'taken';
  readonly settings: CallbackSettings;
  readonly subscription: CallbackSubscription;
  /** Gives its place to others. Calling it twice is harmless. */
  leave(): void;
}

/** All subscriptions of a server whose events go to callbacks: how many there are, and which are running. */
export class Callbacks {
  readonly #core: ServerCore;
  readonly #onEmpty: () => void;
  /** Callback and id of each that has a place: two of the same would mix their events. */
  readonly #names = new Set<string>();
  readonly #perHost = new Map<string, number>();
  readonly #running = new Set<Drainable>();

  /** @param onEmpty - called each time that the last running one has gone */
  constructor(core: ServerCore, onEmpty: () => void) {
    this.#core = core;
    this.#onEmpty = onEmpty;
  }

  /** Subscriptions that are running. */
  get size(): number {
    return this.#running.size;
  }

  all(): readonly Drainable[] {
    return [...this.#running];
  }

  add(answer: Drainable): void {
    this.#running.add(answer);
  }

  delete(answer: Drainable): void {
    if (this.#running.delete(answer) && this.#running.size === 0) this.#onEmpty();
  }

  cutAll(): void {
    for (const answer of this.all()) answer.cut();
  }

  /** Takes a place for what `extensions` ask for, if it is well formed and may be called. Nothing has been sent then. */
  take(extensions: OperationRequest['extensions']): CallbackPlace | NotAdmitted {
    const settings = this.#core.callback;
    if (!settings) return refusal('NOT_ACCEPTABLE', 'callbacks are not served here');
    const subscription = readCallback(extensions);
    if ('kind' in subscription) return subscription;
    return this.#objectionTo(settings, subscription) ?? this.#enter(settings, subscription);
  }

  #objectionTo(
    settings: CallbackSettings,
    subscription: CallbackSubscription,
  ): NotAdmitted | undefined {
    const { callbackUrl, heartbeatIntervalMs } = subscription;
    if (!this.#allows(settings, callbackUrl)) {
      return refusal('CALLBACK_NOT_ALLOWED', 'callbacks to this URL are not allowed here');
    }
    if (heartbeatIntervalMs > 0 && heartbeatIntervalMs < settings.heartbeatMinMs) {
      return over('BAD_REQUEST', 'heartbeatMinMs', settings.heartbeatMinMs);
    }
    if (this.#names.has(nameOf(subscription))) {
      return refusal('OPERATION_ALREADY_EXISTS', 'a subscription with this id is running');
    }
    if (this.#names.size >= settings.subscriptions) {
      return over('TOO_MANY_OPERATIONS', 'subscriptions', settings.subscriptions);
    }
    if ((this.#perHost.get(callbackUrl.host) ?? 0) >= settings.subscriptionsPerHost) {
      return over('TOO_MANY_OPERATIONS', 'subscriptionsPerHost', settings.subscriptionsPerHost);
    }
    return undefined;
  }

  /** A copy of the URL, so that a function of the host program cannot change what it has judged. */
  #allows({ allows }: CallbackSettings, url: URL): boolean {
    try {
      return allows(new URL(url));
    } catch (error) {
      this.#core.report(error, 'callback.allow');
      return false;
    }
  }

  #enter(settings: CallbackSettings, subscription: CallbackSubscription): CallbackPlace {
    const name = nameOf(subscription);
    const { host } = subscription.callbackUrl;
    this.#names.add(name);
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    let isTaken = true;
    const leave = (): void => {
      if (!isTaken) return;
      isTaken = false;
      this.#names.delete(name);
      const count = (this.#perHost.get(host) ?? 0) - 1;
      if (count > 0) this.#perHost.set(host, count);
      else this.#perHost.delete(host);
    };
    return { kind: 'taken', settings, subscription, leave };
  }
}

function readCallback(
  extensions: OperationRequest['extensions'],
): CallbackSubscription | NotAdmitted {
  try {
    return parseCallback(extensions);
  } catch (error) {
    if (error instanceof ProtocolViolation) return refusal(error.code, error.message);
    throw error;
  }
}

/** No URL has a line break. */
function nameOf({ callbackUrl, subscriptionId }: CallbackSubscription): string {
  return `${callbackUrl.href}\n${subscriptionId}`;
}

function over(
  code: 'BAD_REQUEST' | 'TOO_MANY_OPERATIONS',
  option: string,
  bound: number,
): NotAdmitted {
  const { extensions } = limitError(code, `callback.${option}`, bound);
  const message =
    code === 'BAD_REQUEST'
      ? `heartbeatIntervalMs must be 0 or at least callback.${option} of ${bound}`
      : `callback.${option} of ${bound} exceeded`;
  return { kind: 'refused', code, errors: [{ message, ...(extensions && { extensions }) }] };
}
