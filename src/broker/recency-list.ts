/**
 * Items in the order in which they were last touched.
 *
 * @remarks
 * Every operation costs the same however long the list is. (The order of a `Set` would do, but looking for its first member
 * walks over all that were deleted before it.)
 */
export class RecencyList<Item> {
  #oldest: RecencyNode<Item> | undefined;
  #newest: RecencyNode<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): Item | undefined {
    return this.#oldest?.item;
  }

  /** Makes the node's item the newest, whether or not it was in the list. */
  touch(node: RecencyNode<Item>): void {
    if (node === this.#newest) return;
    this.remove(node);
    node.list = this;
    node.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.#size += 1;
  }

  /** Does nothing if the item is not in the list. */
  remove(node: RecencyNode<Item>): void {
    if (node.list !== this) return;
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = undefined;
    node.newer = undefined;
    node.list = undefined;
    this.#size -= 1;
  }
}

/** An item's place in one {@link RecencyList}; its owner makes it once and keeps it. The links belong to the list. */
export class RecencyNode<Item> {
  readonly item: Item;
  list: RecencyList<Item> | undefined;
  older: RecencyNode<Item> | undefined;
  newer: RecencyNode<Item> | undefined;

  constructor(item: Item) {
    this.item = item;
  }
}
