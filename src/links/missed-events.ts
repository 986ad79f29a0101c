import type { OperationHandle } from '../client/operation-handle.ts';
import { systemClock } from '../client/system-clock.ts';
import type { ClientClock } from '../client/transport.ts';

/** What links of caches do about events that nobody got. */
export interface MissedEventsOptions<Values extends readonly unknown[]> {
  /**
   * What happens when a subscription is live again after a lost connection, unless the server says that no event is missing; and each time that it says that some are. `refetch`
   * asks again for the queries that are in use, `ignore` does nothing, a function is called for each subscription.
   *
   * @defaultValue 'refetch'
   */
  readonly onGap?: 'refetch' | 'ignore' | ((...values: Values) => void);
  /** How long `refetch` waits for other subscriptions to say the same, in milliseconds, so that one answer is for all. @defaultValue 50 */
  readonly collectGapsMs?: number;
  /** Told what `onGap` threw; nothing else comes of that. @defaultValue `console.error` */
  readonly onInternalError?: (error: unknown) => void;
  /** @defaultValue the clock of the runtime */
  readonly clock?: Pick<ClientClock, 'schedule'>;
}

/** Called for each subscription that missed events; `undefined`: nothing shall happen. */
export type MissedEvents<Values extends readonly unknown[]> =
  | ((...values: Values) => void)
  | undefined;

/** Makes of `options` what is called for a subscription, and never throws; `refetch` gets those of a short time together. */
export function createMissedEvents<Values extends readonly unknown[]>(
  options: MissedEventsOptions<Values>,
  refetch: (gaps: readonly Values[]) => void,
): MissedEvents<Values> {
  const { onGap = 'refetch', collectGapsMs = 50, clock = systemClock } = options;
  const attempt = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      reporterOf(options)(error);
    }
  };
  if (onGap === 'ignore') return undefined;
  if (onGap !== 'refetch') return (...values) => attempt(() => onGap(...values));
  let gaps: readonly Values[] = [];
  return (...values) => {
    gaps = [...gaps, values];
    if (gaps.length > 1) return;
    clock.schedule(() => {
      const collected = gaps;
      gaps = [];
      attempt(() => refetch(collected));
    }, collectGapsMs);
  };
}

/** Who is told what nobody else can be told. */
export function reporterOf({
  onInternalError,
}: Pick<MissedEventsOptions<never>, 'onInternalError'>): (error: unknown) => void {
  // eslint-disable-next-line no-console -- the default for programs that gave no `onInternalError`
  return onInternalError ?? console.error;
}

/** Calls `onMissed` each time that events of `operation` are missing, or may be, once it is live again; resolves when it is over. */
export async function watchForMissedEvents(
  operation: OperationHandle<unknown>,
  onMissed: () => void,
): Promise<void> {
  let wasLost = false;
  for await (const state of operation.status) {
    if (state === 'reconnecting') wasLost = true;
    if (state === 'gap') onMissed();
    if (state !== 'live' || !wasLost) continue;
    wasLost = false;
    if (await staysUnknown(operation)) onMissed();
  }
}

/** Whether nobody says what became of the events in between, although whoever can does so by now. */
async function staysUnknown({ ready, status }: OperationHandle<unknown>): Promise<boolean> {
  try {
    await ready;
  } catch {
    return false; // it is over, which the iteration of the status tells, too
  }
  return status.current === 'live';
}
