/** What a server has done since it was created. */
export interface ServerCounters {
  /** Results that were not sent because their reader was too slow, by the `slowConsumer` option. */
  readonly droppedResults: number;
  /** Connections that were closed because their peer read too slowly. */
  readonly slowConsumerDisconnects: number;
  /** Texts of results that were compressed, by the `compression` option: once each, however many clients got it. */
  readonly compressedResults: number;
  /** Their bytes as they were. */
  readonly bytesBeforeCompression: number;
  /** Their bytes as they left. */
  readonly bytesAfterCompression: number;
}

/** Counts what {@link ServerCounters} shows; whoever does something counts it here. */
export class Counters {
  droppedResults = 0;
  slowConsumerDisconnects = 0;
  compressedResults = 0;
  bytesBeforeCompression = 0;
  bytesAfterCompression = 0;

  snapshot(): ServerCounters {
    const { droppedResults, slowConsumerDisconnects } = this;
    const { compressedResults, bytesBeforeCompression, bytesAfterCompression } = this;
    return {
      droppedResults,
      slowConsumerDisconnects,
      compressedResults,
      bytesBeforeCompression,
      bytesAfterCompression,
    };
  }
}
