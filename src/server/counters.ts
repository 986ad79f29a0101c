import type { CompiledEngine, ExecutionCounters } from '../execution/index.ts';
import type { ExecutionEngine } from '../execution/types.ts';

/** What a server has done since it was created. */
export interface ServerCounters {
  /** Results that were not sent because their reader was too slow, by the `slowConsumer` option. */
  readonly droppedResults: number;
  /** Connections that were closed because their peer read too slowly. */
  readonly slowConsumerDisconnects: number;
  /** Sessions that ended because their `expiresAt` had passed, and nothing else had ended them before. */
  readonly expiredSessions: number;
  /** Sessions that ended because they were revoked, as {@link ServerCounters.expiredSessions}; those that were refused meanwhile included. */
  readonly revokedSessions: number;
  /** Texts of results that were compressed, by the `compression` option: once each, however many clients got it. */
  readonly compressedResults: number;
  /** Their bytes as they were. */
  readonly bytesBeforeCompression: number;
  /** Their bytes as they left. */
  readonly bytesAfterCompression: number;
  /** How operations and events were executed; all zero for an engine that does not count. */
  readonly executions: ExecutionCounters;
}

/** Counts what {@link ServerCounters} shows; whoever does something counts it here. */
export class Counters {
  droppedResults = 0;
  slowConsumerDisconnects = 0;
  expiredSessions = 0;
  revokedSessions = 0;
  compressedResults = 0;
  bytesBeforeCompression = 0;
  bytesAfterCompression = 0;

  snapshot(): Omit<ServerCounters, 'executions'> {
    const { droppedResults, slowConsumerDisconnects, expiredSessions, revokedSessions } = this;
    const { compressedResults, bytesBeforeCompression, bytesAfterCompression } = this;
    return {
      droppedResults,
      slowConsumerDisconnects,
      expiredSessions,
      revokedSessions,
      compressedResults,
      bytesBeforeCompression,
      bytesAfterCompression,
    };
  }
}

/** What an engine says of itself. */
export function executionsOf(engine: ExecutionEngine): ExecutionCounters {
  return 'counters' in engine
    ? (engine as CompiledEngine).counters // ours is the only one that has them
    : { compiled: 0, reference: {} };
}
