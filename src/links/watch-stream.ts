import type { OperationHandle, OperationState } from '../client/operation-handle.ts';
import { systemClock } from '../client/system-clock.ts';
import type { ClientClock } from '../client/transport.ts';

/** What links of caches do about their subscriptions; `Subscription` says which one it is. */
export interface WatchOptions<Subscription extends readonly unknown[]> {
  /**
   * What happens when a subscription is live again after a lost connection, unless the server says that no event is missing; and each time that it says that some are. `refetch`
   * asks again for the queries that are in use, `ignore` does nothing, a function is called for each subscription.
   *
   * @defaultValue 'refetch'
   */
  readonly onGap?: 'refetch' | 'ignore' | ((...subscription: Subscription) => void);
  /** How long `refetch` waits for other subscriptions to say the same, in milliseconds, so that one answer is for all. @defaultValue 50 */
  readonly collectGapsMs?: number;
  /** Told where a subscription is, now and whenever that changes: for a sign that says whether what is shown is current. */
  readonly onState?: (state: OperationState, ...subscription: Subscription) => void;
  /** Told what the functions in here threw; nothing else comes of that. @defaultValue `console.error` */
  readonly onInternalError?: (error: unknown) => void;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Pick<ClientClock, 'schedule'>;
}

/** Told what becomes of one stream; nothing in here throws. */
export interface StreamWatcher {
  onState(state: OperationState): void;
  /** Events are missing, or may be. */
  onMissed(): void;
}

/** Makes a watcher for each subscription as `options` say; `refetch` gets those that missed events within a short time together. */
export function createWatchers<Subscription extends readonly unknown[]>(
  options: WatchOptions<Subscription>,
  refetch: (subscriptions: readonly Subscription[]) => void,
): (...subscription: Subscription) => StreamWatcher {
  const { onGap = 'refetch', collectGapsMs = 50, onState, clock = systemClock } = options;
  const attempt = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      reporterOf(options)(error);
    }
  };
  let waiting: readonly Subscription[] = [];
  const collect = (subscription: Subscription): void => {
    waiting = [...waiting, subscription];
    if (waiting.length > 1) return;
    clock.schedule(() => {
      const collected = waiting;
      waiting = [];
      attempt(() => refetch(collected));
    }, collectGapsMs);
  };
  return (...subscription) => ({
    onState: (state) => attempt(() => onState?.(state, ...subscription)),
    onMissed: () => {
      if (onGap === 'refetch') collect(subscription);
      else if (onGap !== 'ignore') attempt(() => onGap(...subscription));
    },
  });
}

/** Who is told what nobody else can be told. */
export function reporterOf({
  onInternalError,
}: Pick<WatchOptions<never>, 'onInternalError'>): (error: unknown) => void {
  // eslint-disable-next-line no-console -- the default for programs that gave no `onInternalError`
  return onInternalError ?? console.error;
}

/** Tells `watcher` of `stream` until that is over. */
export async function watchStream(
  stream: OperationHandle<unknown>,
  watcher: StreamWatcher,
): Promise<void> {
  let wasLost = false;
  for await (const state of stream.status) {
    watcher.onState(state);
    if (state === 'reconnecting') wasLost = true;
    if (state === 'gap') watcher.onMissed();
    if (state !== 'live' || !wasLost) continue;
    wasLost = false;
    // beside the loop, which has states to tell meanwhile
    void staysUnknown(stream).then((isUnknown) => isUnknown && watcher.onMissed());
  }
}

/** Whether nobody says what became of the events in between, although whoever can does so by now. */
async function staysUnknown({ ready, status }: OperationHandle<unknown>): Promise<boolean> {
  try {
    await ready;
  } catch {
    return false; // it is over, which its status says, too
  }
  return status.current === 'live';
}
