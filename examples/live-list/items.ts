import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** One line of the list. */
export interface Item {
  readonly id: string;
  readonly text: string;
}

/** The list. */
export interface Items {
  /** Oldest first. */
  all(): readonly Item[];
  add(text: string): Item;
}

/** Reads the list from `file` and writes it there after each change; without a file it is in memory alone. */
export function openItems(file: string | undefined): Items {
  let items = file !== undefined && existsSync(file) ? readItems(file) : [];
  return {
    all: () => items,
    add(text) {
      const item = { id: crypto.randomUUID(), text };
      const next = [...items, item];
      if (file !== undefined) {
        // a process that is killed while it writes leaves the list as it was
        writeFileSync(`${file}.new`, JSON.stringify(next, undefined, 2));
        renameSync(`${file}.new`, file);
      }
      items = next;
      return item;
    },
  };
}

function readItems(file: string): readonly Item[] {
  const items: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (Array.isArray(items) && items.every(isItem)) return items;
  throw new Error(`${file} holds no list of items`);
}

function isItem(value: unknown): value is Item {
  const { id, text } = Object(value) as Partial<Record<keyof Item, unknown>>; // whatever the file holds
  return typeof id === 'string' && typeof text === 'string';
}
