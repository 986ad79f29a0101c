/** Elements of the page with which people write. */
export interface ComposerElements {
  readonly form: HTMLFormElement;
  readonly author: HTMLInputElement;
  readonly text: HTMLTextAreaElement;
  readonly send: HTMLButtonElement;
  readonly problem: HTMLElement;
}

/** What one press of Send sends. */
export interface Draft {
  readonly author: string;
  readonly text: string;
}

/** The form under the conversation; what could not be sent stays in it. */
export class Composer {
  readonly #elements: ComposerElements;
  #isSending = false;
  #isLive = false;

  constructor(elements: ComposerElements, post: (draft: Draft) => Promise<unknown>) {
    this.#elements = elements;
    const { form, text } = elements;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send(post);
    });
    text.addEventListener('input', () => this.#fit());
    text.addEventListener('keydown', (event) => {
      // while an input method composes a character, Enter chooses one
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#update();
  }

  /** Only a live page sends; writing is possible all the time. */
  setLive(isLive: boolean): void {
    this.#isLive = isLive;
    this.#update();
  }

  showProblem(problem: string): void {
    this.#elements.problem.textContent = problem;
    this.#elements.problem.hidden = problem === '';
  }

  async #send(post: (draft: Draft) => Promise<unknown>): Promise<void> {
    const { author, text } = this.#elements;
    const draft = { author: author.value.trim(), text: text.value.trim() };
    if (!this.#isLive || this.#isSending) return;
    if (draft.author === '') author.focus();
    if (draft.author === '' || draft.text === '') return;

    this.#isSending = true;
    this.#update();
    try {
      await post(draft);
      this.showProblem('');
      text.value = '';
      this.#fit();
    } catch (error) {
      this.showProblem(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isSending = false;
      this.#update();
      text.focus();
    }
  }

  #update(): void {
    this.#elements.send.disabled = !this.#isLive || this.#isSending;
    this.#elements.text.readOnly = this.#isSending;
  }

  #fit(): void {
    const { text } = this.#elements;
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight}px`;
  }
}
