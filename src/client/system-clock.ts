import type { ClientClock } from './transport.ts';

/** The clock of the runtime. */
export const systemClock: ClientClock = {
  now: () => performance.now(),
  schedule: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
