import type { ServerCore } from '../core.ts';
import type { ServerOptions } from '../options.ts';

/** A core whose hooks can be waited for. */
export interface TrackedCore {
  readonly core: ServerCore;
  /** Resolves once every hook that nobody else awaits has answered; never rejects. */
  readonly settled: () => Promise<void>;
}

/** Follows the hooks that a server awaits not: a function may be frozen as soon as it has answered. */
export function trackHooks(core: ServerCore): TrackedCore {
  const hooks = core.options;
  const pending: Promise<unknown>[] = [];
  const track = <Event>(hook: (event: Event) => unknown): ((event: Event) => Promise<unknown>) => {
    return (event) => {
      const answer = (async () => hook(event))();
      pending.push(answer);
      return answer;
    };
  };
  const options: ServerOptions = {
    ...hooks,
    ...(hooks.onComplete && { onComplete: track((event) => hooks.onComplete?.(event)) }),
    ...(hooks.onDisconnect && { onDisconnect: track((event) => hooks.onDisconnect?.(event)) }),
  };
  return {
    core: { ...core, options },
    settled: async () => {
      await Promise.allSettled(pending);
    },
  };
}
