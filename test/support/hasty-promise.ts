/** Gives the value, or throws what is wrong. */
type Outcome = () => unknown;

/** Calls back while it is settled, or at once, which promises do not: as libraries had it before there were promises. */
export class HastyPromise implements PromiseLike<unknown> {
  readonly #listeners: ((outcome: Outcome) => void)[] = [];
  #outcome: Outcome | undefined;

  resolve(value: unknown): void {
    this.#settle(() => value);
  }

  reject(error: Error): void {
    this.#settle(() => {
      throw error;
    });
  }

  /** Promises what the callback makes of it, so that graphql 17 waits for that. */
  // oxlint-disable-next-line unicorn/no-thenable -- what it is about
  then<Value = unknown, Other = never>(
    onValue?: ((value: unknown) => Value | PromiseLike<Value>) | null,
    onError?: ((error: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    return new Promise((resolve, reject) => {
      const listener = (outcome: Outcome): void => {
        try {
          resolve(answer(outcome, onValue, onError) as Value | Other); // what they return
        } catch (error) {
          reject(error);
        }
      };
      if (this.#outcome) listener(this.#outcome);
      else this.#listeners.push(listener);
    });
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome;
    for (const listener of this.#listeners.splice(0)) listener(outcome);
  }
}

type Callback = ((settled: unknown) => unknown) | null | undefined;

function answer(outcome: Outcome, onValue: Callback, onError: Callback): unknown {
  let value: unknown;
  try {
    value = outcome();
  } catch (error) {
    if (onError) return onError(error);
    throw error;
  }
  return onValue ? onValue(value) : value;
}
