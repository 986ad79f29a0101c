import type { Clock } from '../../vocabulary.ts';

/** Timers of Node keep a process alive unless told not to. */
interface TimerLike {
  unref?(): void;
}

/** The clock of the runtime. Its timers do not keep the process alive: connections do. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    (timer as TimerLike).unref?.();
    return () => clearTimeout(timer);
  },
  turn: () =>
    new Promise((resolve) => {
      setTimeout(resolve, 0);
    }),
};
