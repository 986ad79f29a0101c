import { describe, expect, it } from 'vitest';

import { toEffectiveLimits } from '../../src/server/limits.ts';
import { Outbox } from '../../src/server/outbox.ts';

function outboxWith(bufferedBytes: number) {
  const sent: string[] = [];
  const limits = toEffectiveLimits({ outboxHighWaterBytes: 100, outboxHardBytes: 200 });
  const outbox = new Outbox({ send: (text) => sent.push(text), bufferedBytes }, limits);
  return { outbox, sent };
}

describe('an outbox', () => {
  it.each([
    ['nothing waits, whatever the size', 0, 'x'.repeat(1_000), 'sent'],
    ['the high water waits', 100, 'x', 'sent'],
    ['more than the high water waits', 101, 'x', 'too-slow'],
    ['it would be the hard limit', 100, 'x'.repeat(100), 'sent'],
    ['it would be more than the hard limit', 100, 'x'.repeat(101), 'too-slow'],
    ['it would be the hard limit in UTF-8', 80, '✓'.repeat(40), 'sent'],
    ['it would be more than the hard limit in UTF-8', 80, '✓'.repeat(41), 'too-slow'],
  ])('when %s', (_title, waiting, text, outcome) => {
    const { outbox, sent } = outboxWith(waiting);

    expect(outbox.write(text)).toBe(outcome);
    expect(sent).toEqual(outcome === 'sent' ? [text] : []);
  });
});
