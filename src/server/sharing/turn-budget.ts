/** Counts the turns of the event loop in which something was written. */
export interface TurnCount {
  readonly sweeps: number;
}

/** After so many events, each of which may take long to execute, the event loop gets a turn. */
const eventsPerTurn = 64;
/** The same for deliveries, which are short. */
const deliveriesPerTurn = 20_000;

/** Says when a group has done so much within one turn of the event loop that others have to get theirs. */
export class TurnBudget {
  readonly #turns: TurnCount;
  #turn = 0;
  #events = 0;
  #deliveries = 0;

  constructor(turns: TurnCount) {
    this.#turns = turns;
  }

  get isSpent(): boolean {
    return this.#events >= eventsPerTurn || this.#deliveries >= deliveriesPerTurn;
  }

  spend(events: number, deliveries: number): void {
    if (this.#turns.sweeps !== this.#turn) this.renew();
    this.#events += events;
    this.#deliveries += deliveries;
  }

  /** Others get their turn. */
  renew(): void {
    this.#turn = this.#turns.sweeps;
    this.#events = 0;
    this.#deliveries = 0;
  }
}
