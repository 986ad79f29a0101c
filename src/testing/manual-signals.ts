import type { Signals } from '../client/signals.ts';

/** Signals that only a test gives. */
export interface ManualSignals {
  /** For `createClient({ signals })`. */
  readonly signals: Signals;
  /** Clients that want to be woken. */
  readonly watcherCount: number;
  /** What a client hears when the network is back or the machine slept. */
  wake(): void;
}

/** Makes signals for a client that come when a test says so. */
export function manualSignals(): ManualSignals {
  const watchers = new Set<{ readonly wake: () => void }>();
  return {
    signals: (wake) => {
      // an object of its own: the same function may be given twice
      const watcher = { wake };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    get watcherCount() {
      return watchers.size;
    },
    wake() {
      for (const watcher of watchers) watcher.wake();
    },
  };
}
