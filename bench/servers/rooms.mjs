/** @typedef {import('./events.mjs').Message} Message */
/** @typedef {{ messageAdded: Message }} Event */

/**
 * Publish and subscribe within the process for the peers: as little work for each event and subscriber as an async iterator allows. What mercurius
 * and graphql-yoga bring for it costs them more.
 */
export class Rooms {
  /** @type {Map<string, Set<RoomIterator>>} */
  #iteratorsByRoom = new Map();

  /**
   * @param {string} room
   * @param {Message} message
   * @returns {void}
   */
  publish(room, message) {
    const event = { messageAdded: message };
    for (const iterator of this.#iteratorsByRoom.get(room) ?? []) iterator.push(event);
  }

  /**
   * The field `messageAdded` as graphql-js takes it.
   *
   * @returns {{ subscribe(root: unknown, args: { room: string }): AsyncIterableIterator<Event> }}
   */
  field() {
    return { subscribe: (_root, { room }) => this.subscribe(room) };
  }

  /**
   * @param {string} room
   * @returns {AsyncIterableIterator<Event>}
   */
  subscribe(room) {
    const iterators = this.#iteratorsByRoom.get(room) ?? new Set();
    this.#iteratorsByRoom.set(room, iterators);
    const iterator = new RoomIterator(() => iterators.delete(iterator));
    iterators.add(iterator);
    return iterator;
  }
}

/** @implements {AsyncIterableIterator<Event>} */
class RoomIterator {
  /** @type {Event[]} */
  #waiting = [];
  /** @type {((result: IteratorResult<Event, undefined>) => void) | undefined} */
  #resolve;
  #leave;

  /** @param {() => void} leave */
  constructor(leave) {
    this.#leave = leave;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /**
   * @param {Event} event
   * @returns {void}
   */
  push(event) {
    const resolve = this.#resolve;
    if (resolve === undefined) {
      this.#waiting.push(event);
      return;
    }
    this.#resolve = undefined;
    resolve({ value: event, done: false });
  }

  /** @returns {Promise<IteratorResult<Event, undefined>>} */
  next() {
    const event = this.#waiting.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** @returns {Promise<IteratorResult<Event, undefined>>} */
  return() {
    this.#leave();
    this.#resolve?.({ value: undefined, done: true });
    this.#resolve = undefined;
    return Promise.resolve({ value: undefined, done: true });
  }
}
