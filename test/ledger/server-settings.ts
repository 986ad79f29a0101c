import type { ResumeKey } from 'millrace/server';

import type { BrokerSettings } from './brokers.ts';

/** When either side takes silence of the other for its end, in milliseconds. */
export interface Liveness {
  readonly pingAfterMs: number;
  readonly answerMs: number;
}

/** What a server program is told, in the variable `LEDGER_SERVER`. */
export interface ServerSettings {
  /** 0: any. */
  readonly port: number;
  readonly broker: BrokerSettings;
  readonly keys: readonly ResumeKey[];
  readonly outboxHighWaterBytes: number;
  readonly drainWindowMs: number;
  readonly liveness: Liveness;
}

/** Its clients are disconnected where they read too slowly. */
export const eventsTopic = 'events';

/** Of its events the oldest are dropped for those who read too slowly. */
export const dropsTopic = 'drops';

/** Makes a server use a new schema. */
export const reloadSignal = 'SIGUSR2';
