import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { Deadlines } from '../../src/server/deadlines.ts';
import { never } from '../../src/vocabulary.ts';

function waiting(deadline: number, next: number = never) {
  const ticks: number[] = [];
  return {
    ticks,
    deadline,
    tick(now: number) {
      ticks.push(now);
      this.deadline = next;
    },
  };
}

describe('deadlines', () => {
  it('share one timer', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);

    for (let at = 100; at < 10_000; at += 100) deadlines.watch(waiting(at));

    expect(clock.timerCount).toBe(1);
    expect(deadlines.size).toBe(99);
  });

  it('come at most 50 ms late and never early', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const all = [1, 49, 50, 51, 777, 12_345].map((at) => waiting(at));

    for (const one of all) deadlines.watch(one);
    await clock.advance(20_000);

    expect(all.map(({ ticks }) => ticks)).toEqual([[50], [50], [50], [100], [800], [12_350]]);
    expect(clock.timerCount).toBe(0);
  });

  it('follow a deadline that moved later without being told', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const one = waiting(100);

    deadlines.watch(one);
    one.deadline = 500;
    await clock.advance(1_000);

    expect(one.ticks).toEqual([500]);
  });

  it('follow a deadline that moved earlier when told', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const one = waiting(1_000);

    deadlines.watch(one);
    one.deadline = 100;
    deadlines.watch(one);
    await clock.advance(2_000);

    expect(one.ticks).toEqual([100]);
  });

  it('repeat for what waits again', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const one = waiting(100, 200);

    deadlines.watch(one);
    await clock.advance(200);
    deadlines.forget(one);

    expect(one.ticks).toEqual([100, 200]);
    expect(clock.timerCount).toBe(0);
  });

  it('wait for longer than a timer can', async () => {
    const clock = new VirtualClock();
    const delays: number[] = [];
    const schedule: VirtualClock['schedule'] = (callback, delayMs) => {
      delays.push(delayMs);
      return clock.schedule(callback, delayMs);
    };
    const deadlines = new Deadlines({ now: () => clock.now(), turn: () => clock.turn(), schedule });
    const one = waiting(3_000_000_000);

    deadlines.watch(one);
    await clock.advance(3_000_000_000);

    expect(one.ticks).toEqual([3_000_000_000]);
    expect(delays).toEqual([2_147_483_647, 852_516_353]);
  });

  it('do not spin on a deadline that its tick does not move', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const one = waiting(100, 100);

    deadlines.watch(one);
    await clock.advance(200);
    deadlines.forget(one);

    expect(one.ticks).toEqual([100, 150, 200]);
  });

  it('do not spin on what its tick had watched before its deadline moved on', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const ticks: number[] = [];
    const one = {
      deadline: 100,
      tick(now: number) {
        ticks.push(now);
        this.deadline = now + 100;
        deadlines.watch(this);
        this.deadline = now + 500;
      },
    };

    deadlines.watch(one);
    await clock.advance(1_200);
    deadlines.forget(one);

    expect(ticks).toEqual([100, 600, 1_100]);
    expect(clock.timerCount).toBe(0);
  });

  it('leave alone what the tick of another had forgotten', async () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const neighbour = waiting(100, 200);
    const one = {
      deadline: 100,
      tick() {
        this.deadline = never;
        deadlines.forget(neighbour);
      },
    };

    deadlines.watch(one);
    deadlines.watch(neighbour);
    await clock.advance(300);

    expect(neighbour.ticks).toEqual([]);
    expect(deadlines.size).toBe(0);
  });

  it('leave nothing behind when what waits is forgotten', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const one = waiting(100);

    deadlines.watch(one);
    deadlines.forget(one);
    deadlines.forget(one);

    expect(deadlines.size).toBe(0);
    expect(clock.timerCount).toBe(0);
  });
});
