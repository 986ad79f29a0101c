/** What is used of `navigator.locks` (Web Locks). */
export interface LocksLike {
  /** A lock is free again once the promise of `callback` has settled, or its page is gone. */
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<void> | void,
  ): Promise<unknown>;
}

/** What is told of a lock that was asked for. */
export interface LockRequest {
  readonly name: string;
  /** Takes it from whoever has it. */
  readonly steal?: boolean;
  /** It is held from now on. */
  readonly taken: () => void;
  /** It cannot be had, or somebody has stolen it. */
  readonly lost: () => void;
}

/**
 * Waits for a lock and holds it; the browser frees it when the page, or the worker, is gone.
 *
 * @returns gives it back, or up; nothing is told after that
 */
export function takeLock(locks: LocksLike, { name, steal, taken, lost }: LockRequest): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const hold = (): Promise<void> | void => {
    if (signal.aborted) return;
    taken();
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve());
    });
  };
  // one who steals does not wait, so there is nothing to abort
  locks.request(name, steal ? { steal } : { signal }, hold).catch(() => {
    if (!signal.aborted) lost();
  });
  return () => controller.abort();
}

/** Calls `gone` once whoever holds the lock is gone. @returns stops that */
export function watchLock(locks: LocksLike, name: string, gone: () => void): () => void {
  const stop = takeLock(locks, {
    name,
    taken: () => {
      stop();
      gone();
    },
    // where locks fail, silence has to tell
    lost: () => {},
  });
  return stop;
}
