import { describe, expect, it } from 'vitest';

import { Watchdog } from '../../src/protocol/watchdog.ts';

const periods = { pingAfterMs: 30, pingAnswerMs: 5 };

describe('Watchdog', () => {
  it('gives up a peer that ignores the ping', () => {
    const watchdog = new Watchdog(periods, 0);

    expect(watchdog.tick(29)).toBe('nothing');
    expect(watchdog.tick(30)).toBe('ping');
    expect(watchdog.tick(34)).toBe('nothing');
    expect(watchdog.tick(35)).toBe('dead');
  });

  it('begins anew whenever the peer is heard', () => {
    const watchdog = new Watchdog(periods, 0);
    watchdog.tick(30);
    watchdog.heard(34);

    expect(watchdog.deadline).toBe(64);
    expect(watchdog.tick(64)).toBe('ping');
  });

  it('counts the time to answer from the ping, however late that was', () => {
    const watchdog = new Watchdog(periods, 0);
    watchdog.tick(100);

    expect(watchdog.deadline).toBe(105);
  });

  it('has no deadline when it is turned off', () => {
    const watchdog = new Watchdog({ pingAfterMs: Number.POSITIVE_INFINITY, pingAnswerMs: 5 }, 0);
    watchdog.heard(7);

    expect(watchdog.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});
