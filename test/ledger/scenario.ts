import type { Store } from './fleet.ts';
import type { Liveness } from './server-settings.ts';
import type { Stage } from './stage.ts';

/** Something that goes wrong, and what may come of it. */
export interface Scenario {
  readonly name: string;
  readonly store: Store;
  /** Codes of the gaps that may be announced; anything else that is missing is a fault. */
  readonly permits: readonly string[];
  /** Whether events are lost in any case, so that somebody has to be told. */
  readonly losesEvents?: boolean;
  /** Where silence alone shall not end connections. */
  readonly liveness?: Liveness;
  /** Causes it; resolves once everything is in order again. */
  readonly fault: (stage: Stage) => Promise<void>;
}

/** The same for all lengths of a run, or for one. */
export interface LengthOptions {
  readonly length: 'short' | 'long';
}
