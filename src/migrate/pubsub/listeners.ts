import { SourceError, UsageError } from '../../errors.ts';
import type { SourceReader, SourceStream } from '../../stream/source.ts';
import type { FailureReporter } from './report.ts';

/** What is called with each payload; a promise that it returns is not awaited. */
export type PayloadListener<Payload> = (payload: Payload) => unknown;

/** Listeners by number, each with a reader of its own. */
export class Listeners {
  readonly #report: FailureReporter;
  readonly #readers = new Map<number, SourceReader<unknown>>();
  #lastId = 0;

  /** @param report - is told what listeners throw, and of payloads that were lost on the way to one */
  constructor(report: FailureReporter) {
    this.#report = report;
  }

  /**
   * Resolves with the number of the listener, once nothing that is published from then on can be missed.
   *
   * @param open - starts to read at the head
   */
  async add<Payload>(
    open: SourceStream<Payload>['open'],
    listener: PayloadListener<Payload>,
  ): Promise<number> {
    const reader = await open();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#readers.set(id, reader);
    void this.#pump(id, reader, { open, listener }); // reports what fails
    return id;
  }

  /** @throws UsageError for a number that nobody has */
  remove(id: number): void {
    const reader = this.#readers.get(id);
    if (!reader) throw new UsageError(`there is no subscription ${String(id)}`);
    this.#readers.delete(id);
    void reader.close(); // never rejects
  }

  async #pump<Payload>(
    id: number,
    reader: SourceReader<Payload>,
    subscription: Subscription<Payload>,
  ): Promise<void> {
    try {
      for (let item = await reader.read(); item; item = await reader.read()) {
        if (!this.#readers.has(id)) return;
        if (item.kind === 'event') this.#call(subscription.listener, item.event);
        else this.#report(item.error);
      }
      this.#readers.delete(id);
    } catch (error) {
      this.#report(error);
      await this.#goOn(id, error, subscription);
    }
  }

  /** A listener stays until it is removed: what it has lost was reported. */
  async #goOn<Payload>(
    id: number,
    failure: unknown,
    subscription: Subscription<Payload>,
  ): Promise<void> {
    if (!(failure instanceof SourceError) || failure.code !== 'EVENTS_LOST') {
      this.#readers.delete(id);
      return;
    }
    try {
      const reader = await subscription.open();
      if (!this.#readers.has(id)) return await reader.close();
      this.#readers.set(id, reader);
      void this.#pump(id, reader, subscription);
    } catch (error) {
      this.#readers.delete(id);
      this.#report(error);
    }
  }

  #call<Payload>(listener: PayloadListener<Payload>, payload: Payload): void {
    try {
      const answer = listener(payload);
      if (answer instanceof Promise) answer.catch(this.#report);
    } catch (error) {
      this.#report(error);
    }
  }
}

interface Subscription<Payload> {
  readonly open: SourceStream<Payload>['open'];
  readonly listener: PayloadListener<Payload>;
}
