/** Items, and perhaps what goes wrong after the last of them. */
export interface ListPlan {
  readonly length: number;
  readonly make: (index: number) => unknown;
  readonly error: Error | undefined;
  /** Hears when the list is left. */
  readonly note: (text: string) => void;
}

/** The kinds of lists beside arrays. */
export const lists: readonly ((plan: ListPlan) => unknown)[] = [
  ({ length, make }) => new Set(Array.from({ length }, (_, index) => make(index))),
  generate,
  toIterable,
  generateLater,
  toAsyncIterable,
];

function* generate({ length, make, error, note }: ListPlan): Generator {
  try {
    for (let i = 0; i < length; i += 1) yield make(i);
    if (error) throw error;
  } finally {
    note('left a generator');
  }
}

async function* generateLater({ length, make, error }: ListPlan): AsyncGenerator {
  for (let i = 0; i < length; i += 1) yield make(i);
  if (error) throw error;
}

function toIterable({ length, make, note }: ListPlan): Iterable<unknown> {
  return {
    [Symbol.iterator]: () => {
      let index = 0;
      return {
        next: () => {
          index += 1;
          if (index > length) return { done: true, value: undefined };
          return { done: false, value: make(index - 1) };
        },
        return: () => {
          note(`left after ${index}`);
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Gives its items at once. */
function toAsyncIterable({ length, make, error }: ListPlan): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]: () => {
      let index = 0;
      return {
        next: async () => {
          index += 1;
          if (index <= length) return { done: false, value: make(index - 1) };
          if (error) throw error;
          return { done: true, value: undefined };
        },
      };
    },
  };
}
