/** What has something to do. */
interface Ready {
  run(): void;
}

/**
 * The groups of a server for which there are events to read.
 *
 * @remarks
 * All of them run in one microtask, after the code that published has ended: a microtask for each step of each group would touch everything that belongs to
 * a group as often as it has steps, with all other groups in between.
 */
export class ReadyGroups {
  readonly #ready: Ready[] = [];

  /** @param group - never throws */
  add(group: Ready): void {
    if (this.#ready.push(group) === 1) void Promise.resolve().then(this.#runAll);
  }

  readonly #runAll = (): void => {
    // those that become ready meanwhile run as well
    for (let i = 0; i < this.#ready.length; i += 1) this.#ready[i]?.run();
    this.#ready.length = 0;
  };
}
