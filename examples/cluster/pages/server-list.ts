import type { Message, ServerProcess } from './connection.ts';

/** What is known of one server: only what its messages say. */
interface Known {
  pid: number;
  published: number;
  readonly element: HTMLElement;
}

/** Shows the servers, as far as messages came from them, and which of them serves this window. */
export class ServerList {
  readonly #list: HTMLElement;
  readonly #known = new Map<string, Known>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  take({ publishedBy, deliveredBy }: Message): void {
    const known = this.#of(publishedBy);
    known.published += 1;
    known.pid = Math.max(known.pid, publishedBy.pid);
    this.#of(deliveredBy).pid = deliveredBy.pid;
    this.setServing(deliveredBy.name);
  }

  /** `undefined` while none does. */
  setServing(name: string | undefined): void {
    for (const [each, known] of this.#known) this.#show(each, known, each === name);
  }

  #of({ name, pid }: ServerProcess): Known {
    const known = this.#known.get(name);
    if (known) return known;
    const element = document.createElement('li');
    const added = { pid, published: 0, element };
    this.#known.set(name, added);
    const names = [...this.#known.keys()].toSorted();
    this.#list.insertBefore(element, this.#list.children[names.indexOf(name)] ?? null);
    return added;
  }

  #show(name: string, { pid, published, element }: Known, isServing: boolean): void {
    element.toggleAttribute('data-serving', isServing);
    const lines = [
      ['name', name],
      ['pid', `process ${pid}`],
      ['published', `${published} published`],
      ['serving', isServing ? 'serves this window' : ''],
    ].map(([kind = '', text = '']) => {
      const line = document.createElement('span');
      line.className = kind;
      line.textContent = text;
      return line;
    });
    element.replaceChildren(...lines);
  }
}
