import { ResultText } from '../result-text.ts';

/** Results in a row that one operation was not sent, because its client read too slowly. */
export class DroppedRange {
  #first: ResultText | undefined;
  #last: ResultText | undefined;
  #events = 0;

  /** @param result - the one that follows those that were added before */
  add(result: ResultText): void {
    this.#first ??= result;
    this.#last = result;
    this.#events += 1;
  }

  /** What a client that opted in is told of it: the tokens of the first and the last of them, and how many they are. */
  toResult(): ResultText {
    const token = this.#last?.mark?.token;
    const missing = { from: this.#first?.mark?.token, until: token, events: this.#events };
    // whoever was told that they are missing goes on behind them
    const resume = { recovered: false, reason: 'EVENTS_DROPPED', missing, token };
    const result = { extensions: { resume } };
    return new ResultText(JSON.stringify(result), result);
  }
}
