import type { ClientClock } from '../transport.ts';
import type { GuestMessage, Question } from './messages.ts';

/** A tab that can be asked. */
export interface Asked {
  ask(id: number, question: Question): void;
}

/** What {@link Questions} are asked with. */
export interface QuestionsParts {
  readonly clock: Pick<ClientClock, 'schedule'>;
  /** How long a tab has for an answer, in milliseconds. */
  readonly askMs: number;
  /** The tabs there are, the newest last: it is the one that most likely has somebody looking at it. */
  readonly tabs: () => readonly Asked[];
}

type Answer = Extract<GuestMessage, { readonly type: 'answer' }>;

interface Pending {
  readonly id: number;
  readonly question: Question;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
  /** Who was asked, the last one last. */
  readonly asked: Set<Asked>;
  /** Those of them who may answer yet. */
  readonly awaited: Set<Asked>;
  cancelTimer: () => void;
}

/**
 * What a host has to know from its tabs for a connection. One of them is asked at a time: to find out a token may change it.
 *
 * @remarks
 * If nobody answers, a question stays open until the connection gives up.
 */
export class Questions {
  readonly #parts: QuestionsParts;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(parts: QuestionsParts) {
    this.#parts = parts;
  }

  /** The JSON of the answer, empty if there is no value. Rejects with what the last tab failed at if all that answer do. */
  ask(question: Question): Promise<string> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const tabs = { asked: new Set<Asked>(), awaited: new Set<Asked>() };
      const pending = { id, question, resolve, reject, ...tabs, cancelTimer() {} };
      this.#pending.set(id, pending);
      this.#put(pending);
    });
  }

  answer(tab: Asked, { id, value, problem }: Answer): void {
    const pending = this.#pending.get(id);
    if (!pending?.awaited.delete(tab)) return;
    if (problem && (this.#put(pending) || pending.awaited.size > 0)) return;
    this.#pending.delete(id);
    pending.cancelTimer();
    if (problem) pending.reject(new Error(problem));
    else pending.resolve(value);
  }

  /** `tab` is gone: what it was asked last is asked another one. */
  moved(tab: Asked): void {
    for (const pending of this.#pending.values()) {
      pending.awaited.delete(tab);
      if ([...pending.asked].at(-1) === tab) this.#put(pending);
    }
  }

  /** Nobody waits for answers any more. */
  close(): void {
    for (const { cancelTimer } of this.#pending.values()) cancelTimer();
    this.#pending.clear();
  }

  /** Asks the next one, if there is one left. */
  #put(pending: Pending): boolean {
    const { clock, askMs, tabs } = this.#parts;
    pending.cancelTimer();
    const tab = tabs().findLast((candidate) => !pending.asked.has(candidate));
    if (!tab) return false;
    pending.asked.add(tab);
    pending.awaited.add(tab);
    pending.cancelTimer = clock.schedule(() => this.#put(pending), askMs);
    tab.ask(pending.id, pending.question);
    return true;
  }
}
