/**
 * Calls `wake` when waiting makes no sense any more, or a connection may be dead without a word: the network is back, the page is looked at, the machine slept.
 *
 * @returns stops that
 */
export type Signals = (wake: () => void) => () => void;

/** What a runtime may have of a browser. */
interface EventTargetLike {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** How often the clock is looked at, in milliseconds, and how much later than expected means that the machine slept. */
const periodMs = 5_000;
const jumpMs = 10_000;

/** What this runtime has of all that: `online`, `visibilitychange`, and a clock that jumps. */
export const systemSignals: Signals = (wake) => {
  const page: EventTargetLike & {
    readonly document?: EventTargetLike & { readonly hidden: boolean };
  } = globalThis;
  const { document } = page;
  const look = (): void => {
    if (document?.hidden !== true) wake();
  };
  let lookedAt = Date.now();
  const timer: unknown = setInterval(() => {
    const now = Date.now();
    if (now - lookedAt > periodMs + jumpMs) wake();
    lookedAt = now;
  }, periodMs);
  // it alone shall not keep a process of Node alive
  (timer as { unref?(): void }).unref?.();
  page.addEventListener?.('online', wake);
  document?.addEventListener?.('visibilitychange', look);
  return () => {
    clearInterval(timer as ReturnType<typeof setInterval>); // `unknown` only because browsers' timers are numbers
    page.removeEventListener?.('online', wake);
    document?.removeEventListener?.('visibilitychange', look);
  };
};
