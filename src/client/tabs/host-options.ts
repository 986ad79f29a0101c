/** Bounds of what one tab, or a worker, does for others. */
export interface TabsHostOptions {
  /**
   * What a tab may leave unprocessed of what it was sent, in bytes, counted as 2 per character. One that is slower, or frozen, loses its connection, and comes back
   * with what its operations resume from.
   *
   * @defaultValue 8_388_608
   */
  readonly unreadBytes?: number;
  /** Tabs that share; those beyond have connections of their own. @defaultValue 256 */
  readonly tabs?: number;
  /** How long it waits for a tab that was asked for the `url` or `connectionParams` before it asks another one, in milliseconds. @defaultValue 3_000 */
  readonly askMs?: number;
  /** How long a connection is kept that no tab needs, in milliseconds; each tab has waited its own `idleTimeoutMs` by then. @defaultValue 5_000 */
  readonly idleTimeoutMs?: number;
  /** Silence after which a tab is given up where there are no Web Locks, in milliseconds. Timers of tabs that nobody sees may fire once in a minute. @defaultValue 150_000 */
  readonly tabSilenceMs?: number;
}

/** {@link TabsHostOptions} where nothing else is given. */
export const hostDefaults = {
  unreadBytes: 8_388_608,
  tabs: 256,
  askMs: 3_000,
  idleTimeoutMs: 5_000,
  tabSilenceMs: 150_000,
} as const satisfies Required<TabsHostOptions>;
