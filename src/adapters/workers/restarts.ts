import type { EffectiveWorkers } from './worker-options.ts';

/** What {@link Restarts} reads of the options. */
export type RestartOptions = Pick<
  EffectiveWorkers,
  'restarts' | 'minUptimeMs' | 'minRestartDelayMs' | 'maxRestartDelayMs'
>;

/** When a worker is started in the place of one that ended: at once, unless several in a row ended too soon. */
export class Restarts {
  readonly #options: RestartOptions;
  /** Those that ended too soon, in a row. */
  #early = 0;

  constructor(options: RestartOptions) {
    this.#options = options;
  }

  /**
   * A worker ended after so many milliseconds; `undefined`: it never listened, which is always too soon.
   *
   * @returns the pause before another one, in milliseconds; `undefined`: there have been enough
   */
  ended(uptimeMs: number | undefined): number | undefined {
    const { restarts, minUptimeMs, minRestartDelayMs, maxRestartDelayMs } = this.#options;
    this.#early = uptimeMs === undefined || uptimeMs < minUptimeMs ? this.#early + 1 : 0;
    if (this.#early === 0) return 0;
    if (this.#early > restarts) return undefined;
    return Math.min(maxRestartDelayMs, minRestartDelayMs * 2 ** (this.#early - 1));
  }
}
