import type { ClientClock } from './transport.ts';

/** The clock of the runtime. */
export const systemClock: ClientClock = {
  now: () => performance.now(),
  schedule: (callback, delayMs) => {
    // beyond that timers fire at once
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
