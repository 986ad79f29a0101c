/** The members of a `MessagePort` and of a `BroadcastChannel` that are used. */
export interface WireLike {
  addEventListener(type: 'message', listener: (event: MessageEventLike) => void): void;
  postMessage(message: unknown): void;
  /** Ports deliver nothing before it. */
  start?(): void;
  close(): void;
}

/** The members of a `message` event that are used. */
export interface MessageEventLike {
  readonly data: unknown;
}

/** What carries messages between tabs and workers; nothing comes, nor goes, once it is closed. */
export class Wire {
  readonly #target: WireLike;
  #isOpen = true;

  constructor(target: WireLike, hear: (data: unknown) => void) {
    this.#target = target;
    target.addEventListener('message', ({ data }) => {
      if (this.#isOpen) hear(data);
    });
    target.start?.();
  }

  post(message: object): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
    if (this.#isOpen) this.#target.postMessage(message);
  }

  /** What was posted arrives all the same. */
  close(): void {
    this.#isOpen = false;
    this.#target.close();
  }
}
