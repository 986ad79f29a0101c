/** What a server has done since it was created. */
export interface ServerCounters {
  /** Results that were not sent because their reader was too slow, by the `slowConsumer` option. */
  readonly droppedResults: number;
  /** Connections that were closed because their peer read too slowly. */
  readonly slowConsumerDisconnects: number;
}

/** Counts what {@link ServerCounters} shows; whoever does something counts it here. */
export class Counters {
  droppedResults = 0;
  slowConsumerDisconnects = 0;

  snapshot(): ServerCounters {
    const { droppedResults, slowConsumerDisconnects } = this;
    return { droppedResults, slowConsumerDisconnects };
  }
}
