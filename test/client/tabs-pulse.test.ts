import { describe, expect, it } from 'vitest';

import { Pulse } from '../../src/client/tabs/pulse.ts';

const periods = { pingAfterMs: 10_000, silenceMs: 3_000 };

describe('a pulse', () => {
  it('gives up a host that does not answer', () => {
    const pulse = new Pulse(periods, 0);

    expect(pulse.tick(9_999)).toBe('nothing');
    expect(pulse.tick(10_000)).toBe('ping');
    expect(pulse.tick(12_999)).toBe('nothing');
    expect(pulse.tick(13_000)).toBe('lost');
  });

  it('asks again some time after an answer', () => {
    const pulse = new Pulse(periods, 0);
    pulse.tick(10_000);

    expect(pulse.heard(11_000)).toBe(true);
    expect(pulse.deadline).toBe(21_000);
  });

  it('asks however much the host says, which wants to hear of the tab, too', () => {
    const pulse = new Pulse(periods, 0);

    expect(pulse.heard(9_000)).toBe(false);
    expect(pulse.tick(10_000)).toBe('ping');
  });

  it('asks again where it could not see the answer in time', () => {
    const pulse = new Pulse(periods, 0);
    pulse.tick(10_000);

    expect(pulse.tick(60_000)).toBe('ping');
    expect(pulse.tick(63_000)).toBe('lost');
  });

  it('gives up a host that does not answer a page whose timers are always late', () => {
    const pulse = new Pulse(periods, 0);
    pulse.tick(60_000);

    expect(pulse.tick(120_000)).toBe('ping');
    expect(pulse.tick(180_000)).toBe('lost');
  });

  it('asks at once when it has reason to, and once', () => {
    const pulse = new Pulse(periods, 0);
    pulse.probe(1_000);

    expect(pulse.tick(1_000)).toBe('ping');
    pulse.probe(2_000);
    expect(pulse.tick(2_000)).toBe('nothing');
    expect(pulse.tick(4_000)).toBe('lost');
  });

  it('can be turned off', () => {
    const pulse = new Pulse({ ...periods, pingAfterMs: Number.POSITIVE_INFINITY }, 0);

    expect(pulse.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});
