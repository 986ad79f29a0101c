import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ResultIterator } from '../../src/client/result-iterator.ts';
import type { BufferOptions } from '../../src/client/result-iterator.ts';

type Act =
  | { readonly kind: 'push' | 'next' | 'return' | 'throw' | 'settle' }
  | { readonly kind: 'end'; readonly error: Error | undefined };

type Outcome = 'pending' | { readonly value: number } | 'done' | { readonly thrown: unknown };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Act>({ kind: 'push' }) },
  { weight: 8, arbitrary: fc.constant<Act>({ kind: 'next' }) },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ kind: 'return' }, { kind: 'throw' }) },
  { weight: 2, arbitrary: fc.constant<Act>({ kind: 'settle' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('end'),
      error: fc.constantFrom(undefined, new Error('lost')),
    }),
  },
);

const options: fc.Arbitrary<BufferOptions> = fc.record(
  {
    capacity: fc.integer({ min: 1, max: 4 }),
    whenFull: fc.constantFrom('error', 'drop-oldest', 'latest'),
  },
  { requiredKeys: [] },
);

const overflow = 'overflow';
const mine = new Error('mine');

/** What the iterator has to do, told as plainly as possible: a list, and questions in the order in which they came. */
class Model {
  readonly outcomes: Outcome[] = [];
  isOver = false;
  starts = 0;
  readonly #capacity: number;
  readonly #whenFull: BufferOptions['whenFull'];
  #items: number[] = [];
  readonly #waiting: number[] = [];
  #error: unknown;

  constructor({ capacity = 1_024, whenFull = 'error' }: BufferOptions) {
    this.#capacity = whenFull === 'latest' ? 1 : capacity;
    this.#whenFull = whenFull;
  }

  get waitingItems(): number {
    return this.#items.length;
  }

  push(item: number): void {
    const reader = this.#waiting.shift();
    if (reader !== undefined) this.outcomes[reader] = { value: item };
    else if (this.#items.length < this.#capacity) this.#items.push(item);
    else if (this.#whenFull === 'error') this.end(overflow);
    else this.#items = [...this.#items.slice(1), item];
  }

  end(error: unknown): void {
    this.isOver = true;
    this.#error = error;
    const waiting = this.#waiting.splice(0);
    for (const reader of waiting) this.outcomes[reader] = this.#end();
  }

  next(): void {
    const item = this.#items.shift();
    if (item !== undefined) this.outcomes.push({ value: item });
    else if (this.isOver) this.outcomes.push(this.#end());
    else {
      this.starts += 1;
      this.#waiting.push(this.outcomes.push('pending') - 1);
    }
  }

  leave(outcome: Outcome): void {
    this.#items = [];
    this.#error = undefined;
    if (!this.isOver) this.end(undefined);
    this.outcomes.push(outcome);
  }

  #end(): Outcome {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? 'done' : { thrown: error };
  }
}

function nameOf(error: unknown): unknown {
  return (error as { readonly code?: string } | undefined)?.code === 'BUFFER_OVERFLOW'
    ? overflow
    : error;
}

/** Carries out the acts, as an operation and its consumer would: nothing is pushed or ended after it was ended or left. */
async function run(buffer: BufferOptions, acts: readonly Act[]) {
  const model = new Model(buffer);
  const outcomes: Outcome[] = [];
  const calls = { start: 0, stop: 0 };
  const iterator = new ResultIterator<number>(
    {
      start: () => {
        calls.start += 1;
      },
      stop: () => {
        calls.stop += 1;
      },
      report: () => expect.unreachable(),
    },
    buffer,
  );
  const note = (asked: Promise<IteratorResult<number>>): void => {
    const index = outcomes.push('pending') - 1;
    void (async () => {
      try {
        const given = await asked;
        outcomes[index] = given.done === true ? 'done' : { value: given.value };
      } catch (error) {
        outcomes[index] = { thrown: nameOf(error) };
      }
    })();
  };
  const steps = {
    push: (item: number) => {
      if (model.isOver) return;
      iterator.push(item);
      model.push(item);
    },
    end: (_item: number, error: unknown) => {
      if (model.isOver) return;
      iterator.end(error);
      model.end(error);
    },
    next: () => {
      note(iterator.next());
      model.next();
    },
    return: () => {
      note(iterator.return());
      model.leave('done');
    },
    throw: () => {
      note(iterator.throw(mine));
      model.leave({ thrown: mine });
    },
    settle: () => {},
  } satisfies Record<Act['kind'], (item: number, error: unknown) => void>;
  for (const [item, one] of acts.entries()) {
    steps[one.kind](item, one.kind === 'end' ? one.error : undefined);
    if (one.kind === 'settle') await new Promise((resolve) => void setImmediate(resolve));
  }
  await new Promise((resolve) => void setImmediate(resolve));
  return { model, outcomes, calls };
}

describe('a result iterator', () => {
  it('answers every question in order: with each item once, what the policy dropped aside, then the error once, then the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.array(act, { maxLength: 40, size: 'max' }),
        async (buffer, acts) => {
          const { model, outcomes, calls } = await run(buffer, acts);

          expect(outcomes).toEqual(model.outcomes);
          expect(calls.start).toBe(model.starts);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('tells whoever pushes to stop if the consumer leaves or falls behind', async () => {
    for (const acts of [
      [{ kind: 'return' }],
      [{ kind: 'throw' }],
      [{ kind: 'next' }, { kind: 'return' }],
      [{ kind: 'push' }, { kind: 'push' }],
    ] as const satisfies Act[][]) {
      const { calls } = await run({ capacity: 1 }, acts);

      expect(calls.stop).toBeGreaterThan(0);
    }
  });

  it('keeps no more than its capacity', async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.nat(30), async ({ capacity = 1, ...policy }, pushes) => {
        const buffer = { capacity, ...policy };
        const acts = [
          ...Array.from({ length: pushes }, () => ({ kind: 'push' as const })),
          { kind: 'end' as const, error: undefined },
          ...Array.from({ length: pushes + 2 }, () => ({ kind: 'next' as const })),
        ];
        const { outcomes } = await run(buffer, acts);

        const given = outcomes.filter(
          (outcome) => typeof outcome === 'object' && 'value' in outcome,
        );
        expect(given.length).toBeLessThanOrEqual(capacity);
        expect(given).toHaveLength(Math.min(pushes, policy.whenFull === 'latest' ? 1 : capacity));
      }),
    );
  });

  it('gives an observer all that waits, and what follows', () => {
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.nat(5),
        fc.boolean(),
        fc.boolean(),
        (before, after, fails, isLate) => {
          const iterator = new ResultIterator<number>({
            start: () => expect.unreachable(),
            stop: () => expect.unreachable(),
            report: () => expect.unreachable(),
          });
          const told: unknown[] = [];
          const pushTo = (count: number): void => {
            for (let turn = 0; turn < count; turn += 1) iterator.push(turn);
          };
          const observe = (): void =>
            iterator.observe({
              next: (item) => told.push(item),
              error: (error) => told.push(error),
              complete: () => told.push('complete'),
            });
          pushTo(before);
          if (!isLate) observe();
          pushTo(after);
          iterator.end(fails ? mine : undefined);
          if (isLate) observe();

          expect(told).toEqual([
            ...Array.from({ length: before }, (_, index) => index),
            ...Array.from({ length: after }, (_, index) => index),
            fails ? mine : 'complete',
          ]);
        },
      ),
    );
  });
});

it('return() is answered although next() waits', async () => {
  const { outcomes } = await run({}, [{ kind: 'next' }, { kind: 'next' }, { kind: 'return' }]);

  expect(outcomes).toEqual(['done', 'done', 'done']);
});
