import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { LogTail, toTailLimits } from '../../src/broker/log-tail.ts';
import type { LogTailLimits, TailCursor } from '../../src/broker/log-tail.ts';

interface Entry {
  readonly n: number;
  readonly publishedAt: number;
  readonly bytes: number;
}

function fill(tail: LogTail<Entry>, count: number, bytes = 1): void {
  for (let i = 0; i < count; i++) tail.append({ n: tail.nextIndex, publishedAt: 0, bytes });
}

const numbersOf = (entries: readonly Entry[] | undefined) => entries?.map((entry) => entry.n);

function entriesOf(polled: readonly Entry[] | 'later' | undefined): readonly Entry[] | undefined {
  if (polled === 'later') throw new Error('there are entries');
  return polled;
}

describe('LogTail', () => {
  it('counts on from the index that it is given', () => {
    const tail = new LogTail<Entry>(toTailLimits({}), 41);

    fill(tail, 2);

    expect([tail.firstIndex, tail.nextIndex]).toEqual([41, 43]);
    expect(tail.at(42)?.n).toBe(42);
  });

  it('holds a thousand entries by default', () => {
    const tail = new LogTail<Entry>();

    fill(tail, 1_500);

    expect([tail.firstIndex, tail.nextIndex, tail.heldBytes]).toEqual([500, 1_500, 1_000]);
  });

  it('has its default bounds also where an option says `undefined`', () => {
    // programs compiled without `exactOptionalPropertyTypes` may pass that on
    const limits: object = { events: undefined, bytes: undefined, ageMs: undefined };
    const tail = new LogTail<Entry>(toTailLimits(limits));

    fill(tail, 1_500);
    expect([tail.firstIndex, tail.nextIndex]).toEqual([500, 1_500]);
    fill(tail, 1, 4 * 1_024 * 1_024);
    expect([tail.firstIndex, tail.nextIndex]).toEqual([1_500, 1_501]);
  });

  it('lets the oldest go when there are too many bytes', () => {
    const tail = new LogTail<Entry>(toTailLimits({ bytes: 100 }));

    fill(tail, 10, 30);

    expect([tail.firstIndex, tail.heldBytes]).toEqual([7, 90]);
  });

  it('holds an entry that is larger than the bound until the next comes', () => {
    const tail = new LogTail<Entry>(toTailLimits({ bytes: 100 }));

    fill(tail, 1, 1_000);
    expect(tail.at(0)).toBeDefined();
    fill(tail, 1, 10);

    expect([tail.firstIndex, tail.heldBytes]).toEqual([1, 10]);
  });

  it('lets entries go that are older than the bound', () => {
    const tail = new LogTail<Entry>(toTailLimits({ ageMs: 1_000 }));
    tail.append({ n: 0, publishedAt: 0, bytes: 1 });
    tail.append({ n: 1, publishedAt: 500, bytes: 1 });

    tail.removeOlderThan(1_000);
    expect(tail.firstIndex).toBe(0);
    tail.removeOlderThan(1_001);
    expect(tail.firstIndex).toBe(1);
    tail.removeOlderThan(9_999);

    expect([tail.firstIndex, tail.nextIndex, tail.heldBytes]).toEqual([2, 2, 0]);
  });

  it('lets entries go that are too old behind others that left because there were too many', () => {
    const tail = new LogTail<Entry>(toTailLimits({ events: 2, ageMs: 1_000 }));
    for (const publishedAt of [0, 500, 900]) tail.append({ n: 0, publishedAt, bytes: 1 });

    tail.removeOlderThan(1_600);

    expect([tail.firstIndex, tail.heldBytes]).toEqual([2, 1]);
  });

  it('lets entries go that are too old after the clock went back', () => {
    const tail = new LogTail<Entry>(toTailLimits({ events: 1, ageMs: 1_000 }));
    for (const publishedAt of [5_000, 500]) tail.append({ n: 0, publishedAt, bytes: 1 });

    tail.removeOlderThan(1_501);

    expect([tail.firstIndex, tail.heldBytes]).toEqual([2, 0]);
  });

  it('keeps every entry in its place while it grows, wherever it begins', () => {
    for (const firstIndex of [0, 1, 5, 8, 13, 31]) {
      const tail = new LogTail<Entry>(toTailLimits({}), firstIndex);
      fill(tail, 3);
      tail.removeOldest();
      fill(tail, 100);

      const indices = Array.from({ length: 102 }, (_, i) => firstIndex + 1 + i);
      expect(indices.map((index) => tail.at(index)?.n)).toEqual(indices);
    }
  });

  it('takes nothing after its end', () => {
    const tail = new LogTail<Entry>();
    tail.complete();

    fill(tail, 1);

    expect(tail.nextIndex).toBe(0);
  });

  it('keeps only its first end', () => {
    const tail = new LogTail<Entry>();

    tail.complete();
    tail.fail(new Error('late'));

    expect(tail.end).toEqual({ kind: 'completed' });
  });

  describe('a cursor that is polled', () => {
    it('gives what there is, and otherwise says once when it is worth while to poll again', () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      const ready = vi.fn();

      expect(cursor.poll({ ready })).toBe('later');
      expect(ready).not.toHaveBeenCalled();
      fill(tail, 2);

      expect(ready).toHaveBeenCalledTimes(1);
      expect(numbersOf(entriesOf(cursor.poll({ ready })))).toEqual([0, 1]);
      expect(cursor.poll({ ready })).toBe('later');
    });

    it('may poll from within that', () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      const given: (readonly number[] | undefined)[] = [];
      const waiter = {
        ready: () => {
          given.push(numbersOf(entriesOf(cursor.poll(waiter))));
          cursor.poll(waiter);
        },
      };

      cursor.poll(waiter);
      fill(tail, 3);

      expect(given).toEqual([[0], [1], [2]]);
    });

    it('says so to all who wait, in the order in which they began to', () => {
      const tail = new LogTail<Entry>();
      const told: string[] = [];
      for (const name of ['one', 'two', 'three'])
        tail.cursor(0).poll({ ready: () => told.push(name) });

      fill(tail, 1);

      expect(told).toEqual(['one', 'two', 'three']);
    });

    it.each([
      ['is completed', (tail: LogTail<Entry>) => tail.complete()],
      ['fails', (tail: LogTail<Entry>) => tail.fail(new Error('gone'))],
    ])('hears that the tail %s', (_, end) => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      const ready = vi.fn();
      cursor.poll({ ready });

      end(tail);

      expect(ready).toHaveBeenCalledTimes(1);
      if (tail.end?.kind === 'failed') expect(() => cursor.poll({ ready })).toThrow('gone');
      expect(cursor.poll({ ready })).toBeUndefined();
      expect(cursor.isClosed).toBe(true);
    });

    it('throws once when entries left unread, and ends', () => {
      const tail = new LogTail<Entry>(toTailLimits({ events: 2 }));
      const cursor = tail.cursor(0);
      fill(tail, 5);
      const waiter = { ready: vi.fn() };

      expect(() => cursor.poll(waiter)).toThrow(expect.objectContaining({ code: 'EVENTS_LOST' }));
      expect(cursor.poll(waiter)).toBeUndefined();
    });

    it('tells who waits when it is closed, and nobody later', () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      const ready = vi.fn();
      cursor.poll({ ready });

      cursor.close();
      fill(tail, 1);

      expect(ready).toHaveBeenCalledTimes(1);
      expect(cursor.poll({ ready })).toBeUndefined();
    });
  });

  describe('cursor', () => {
    it('waits for the next entry', async () => {
      const tail = new LogTail<Entry>();
      const pending = tail.cursor(0).read();

      fill(tail, 1);

      expect(numbersOf(await pending)).toEqual([0]);
    });

    it('gives all that came in the turn that woke it', async () => {
      const tail = new LogTail<Entry>();
      const pending = tail.cursor(0).read();

      fill(tail, 3);

      expect(numbersOf(await pending)).toEqual([0, 1, 2]);
    });

    it('gives long tails in bounded batches', async () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      fill(tail, 300);

      const sizes = [await cursor.read(), await cursor.read(), await cursor.read()].map(
        (batch) => batch?.length,
      );

      expect(sizes).toEqual([128, 128, 44]);
    });

    it('gives what is left, then ends, when the tail is completed', async () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      fill(tail, 1);
      tail.complete();

      expect(numbersOf(await cursor.read())).toEqual([0]);
      expect(await cursor.read()).toBeUndefined();
      expect(cursor.isClosed).toBe(true);
    });

    it('gives what is left, then fails once, when the tail is failed', async () => {
      const tail = new LogTail<Entry>();
      const cursor = tail.cursor(0);
      fill(tail, 1);
      tail.fail('broken');

      expect(numbersOf(await cursor.read())).toEqual([0]);
      await expect(cursor.read()).rejects.toBe('broken');
      expect(await cursor.read()).toBeUndefined();
    });

    it('hears of an end while it waits', async () => {
      const tail = new LogTail<Entry>();
      const pending = tail.cursor(0).read();

      tail.complete();

      expect(await pending).toBeUndefined();
    });

    it.each([
      [1, 'event 0 left the log before this reader had read them'],
      [3, '3 events (0 to 2) left the log before this reader had read them'],
    ])('says which of %i entries left before it read them', async (lost, message) => {
      const tail = new LogTail<Entry>(toTailLimits({ events: 2 }));
      const cursor = tail.cursor(0);
      fill(tail, 2 + lost);

      await expect(cursor.read()).rejects.toMatchObject({ code: 'EVENTS_LOST', message });
      expect(await cursor.read()).toBeUndefined();
    });

    it('ends when it is closed while it waits, and no other with it', async () => {
      const tail = new LogTail<Entry>();
      const [first, second] = [tail.cursor(0), tail.cursor(0)];
      const pending = [first.read(), second.read()];

      first.close();
      fill(tail, 1);

      expect(await pending[0]).toBeUndefined();
      expect(numbersOf(await pending[1])).toEqual([0]);
    });
  });

  it('behaves like an array from which the oldest are cut, whatever happens in which order', async () => {
    await fc.assert(
      fc.asyncProperty(
        limitsArbitrary,
        fc.array(actionArbitrary, { maxLength: 200 }),
        agreesWithModel,
      ),
    );
  });
});

const limitsArbitrary = fc.record({
  events: fc.integer({ min: 1, max: 20 }),
  bytes: fc.integer({ min: 1, max: 100 }),
  ageMs: fc.integer({ min: 1, max: 50 }),
});

const actionArbitrary: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'trim' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'open' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), cursor: fc.nat(3) }) },
);

type Action =
  | { readonly kind: 'append'; readonly bytes: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'trim' }
  | { readonly kind: 'open' }
  | { readonly kind: 'read'; readonly cursor: number };

interface ModelEntry extends Entry {
  readonly bytes: number;
}

interface ModelCursor {
  readonly cursor: TailCursor<Entry>;
  next: number;
  isLost: boolean;
}

/** The same as {@link LogTail}, as simply as possible. */
class ModelTail {
  readonly #limits: Required<LogTailLimits>;
  held: readonly ModelEntry[] = [];
  appended = 0;

  constructor(limits: Required<LogTailLimits>) {
    this.#limits = limits;
  }

  get first(): number {
    return this.held[0]?.n ?? this.appended;
  }

  get bytes(): number {
    return this.held.reduce((sum, entry) => sum + entry.bytes, 0);
  }

  append(bytes: number, now: number): void {
    this.held = [...this.held, { n: this.appended, publishedAt: now, bytes }];
    this.appended += 1;
    while (
      this.held.length > 1 &&
      (this.held.length > this.#limits.events || this.bytes > this.#limits.bytes)
    ) {
      this.held = this.held.slice(1);
    }
    this.removeOlderThan(now);
  }

  removeOlderThan(now: number): void {
    this.held = this.held.filter((entry) => entry.publishedAt >= now - this.#limits.ageMs);
  }
}

async function agreesWithModel(
  limits: Required<LogTailLimits>,
  actions: readonly Action[],
): Promise<void> {
  const tail = new LogTail<Entry>(toTailLimits(limits));
  const model = new ModelTail(limits);
  const cursors: ModelCursor[] = [];
  let now = 0;
  for (const action of actions) {
    switch (action.kind) {
      case 'append':
        tail.append({ n: model.appended, publishedAt: now, bytes: action.bytes });
        model.append(action.bytes, now);
        break;
      case 'wait':
        now += action.ms;
        break;
      case 'trim':
        tail.removeOlderThan(now);
        model.removeOlderThan(now);
        break;
      case 'open':
        cursors.push({ cursor: tail.cursor(tail.firstIndex), next: model.first, isLost: false });
        break;
      case 'read': {
        const place = cursors[action.cursor];
        if (place !== undefined) await expectSameRead(model, place);
        break;
      }
    }
    expect([tail.firstIndex, tail.nextIndex, tail.heldBytes]).toEqual([
      model.first,
      model.appended,
      model.bytes,
    ]);
    expect(model.held.map((entry) => tail.at(entry.n)?.n)).toEqual(numbersOf(model.held));
  }
}

async function expectSameRead(model: ModelTail, place: ModelCursor): Promise<void> {
  if (place.isLost) {
    expect(await place.cursor.read()).toBeUndefined();
    return;
  }
  if (place.next === model.appended) return;
  if (place.next < model.first) {
    place.isLost = true;
    await expect(place.cursor.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
    return;
  }
  const expected = model.held.filter((entry) => entry.n >= place.next);
  place.next = model.appended;
  expect(numbersOf(await place.cursor.read())).toEqual(numbersOf(expected));
}
