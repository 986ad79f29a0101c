import { VirtualClock } from 'millrace/testing';
import { expect, it } from 'vitest';

import { Flusher } from '../../src/server/flusher.ts';

class CountingClock extends VirtualClock {
  turns = 0;

  override turn(): Promise<void> {
    this.turns += 1;
    return super.turn();
  }
}

it('flushes each outbox once after the turn, in one promise for all', async () => {
  const clock = new CountingClock();
  const flusher = new Flusher(clock);
  const flushed: number[] = [];

  for (let outbox = 0; outbox < 100; outbox += 1) {
    flusher.add({ flush: () => flushed.push(outbox) });
  }
  expect(flushed).toEqual([]);
  await clock.settle();

  expect(flushed).toEqual(Array.from({ length: 100 }, (_, outbox) => outbox));
  expect(clock.turns).toBe(1 + 4); // settling takes four
});

it('gives the event loop a turn between the slices of a long sweep', async () => {
  const clock = new VirtualClock();
  const flusher = new Flusher(clock);
  const flushed: number[] = [];

  for (let outbox = 0; outbox < 1_200; outbox += 1) {
    flusher.add({ flush: () => flushed.push(outbox) });
  }
  const seen: number[] = [];
  while (flushed.length < 1_200) {
    await clock.turn();
    seen.push(flushed.length);
  }

  expect(seen.length).toBeGreaterThanOrEqual(3);
  expect(seen[0]).toBeLessThan(600);
});

it('gives it a turn, too, when a slice takes long', async () => {
  const clock = new VirtualClock();
  let now = 0;
  const flusher = new Flusher({
    now: () => now,
    turn: () => clock.turn(),
    schedule: (callback, delayMs) => clock.schedule(callback, delayMs),
  });
  const flushed: number[] = [];
  const flush = (): void => {
    flushed.push(now);
    now += 1;
  };

  for (let outbox = 0; outbox < 100; outbox += 1) flusher.add({ flush });
  await clock.turn();
  expect(flushed.length).toBeLessThan(50);
  while (flushed.length < 100) await clock.turn();
});

it('flushes what is added during a sweep in the same or a later one', async () => {
  const clock = new VirtualClock();
  const flusher = new Flusher(clock);
  let again = 3;
  const outbox = {
    flush() {
      again -= 1;
      if (again > 0) flusher.add(outbox);
    },
  };

  flusher.add(outbox);
  await clock.settle();

  expect(again).toBe(0);
});
