import type { Clock } from '../vocabulary.ts';

/** Timers of Node keep a process alive unless told not to; those of other runtimes are numbers. */
interface TimerLike {
  unref?(): void;
}

/** The clock of the runtime. Its timers do not keep the process alive: sockets and servers do. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    (timer as TimerLike).unref?.();
    return () => clearTimeout(timer);
  },
  turn: () =>
    new Promise((resolve) => {
      // a message port's task runs after the sockets were served; timers would be clamped
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    }),
};
