import fc from 'fast-check';
import { expect, it } from 'vitest';

import { Counters } from '../../src/server/counters.ts';
import type { Flushable } from '../../src/server/flusher.ts';
import { toEffectiveLimits } from '../../src/server/limits.ts';
import type { Writing } from '../../src/server/outbox.ts';
import { Outbox } from '../../src/server/outbox.ts';
import { ResultText } from '../../src/server/result-text.ts';
import { ResumeSubject } from '../../src/server/resume/resume-subject.ts';
import { ResumeTokens } from '../../src/server/resume/resume-tokens.ts';
import type { ResultReader, SlowConsumerPolicy } from '../../src/server/slow-consumer.ts';
import type { TextTarget } from '../../src/server/turn-output.ts';

const limits = toEffectiveLimits({ outboxHighWaterBytes: 2_000, outboxHardBytes: 100_000 });
const subject = new ResumeSubject(
  new ResumeTokens({ now: () => 0 }),
  'field',
  { owner: {}, topic: 'topic', key: '', maps: [] },
  undefined,
);

/** A client that opted in, and reads when it is told to. */
class SlowClient implements TextTarget, ResultReader {
  readonly id = 'a';
  readonly policy: SlowConsumerPolicy;
  readonly outbox: Outbox;
  readonly heard: unknown[] = [];
  readonly tokens: (string | undefined)[] = [];
  droppedResults = 0;
  bufferedBytes = 0;

  constructor(policy: SlowConsumerPolicy) {
    const flusher = { add: (outbox: Flushable) => outbox.flush() };
    const counters = new Counters();
    this.policy = policy;
    this.outbox = new Outbox(this, limits, { flusher, counters, slowConsumer: policy });
  }

  send(text: string): void {
    this.bufferedBytes += text.length;
    for (const line of text.split('\n').filter(Boolean)) this.heard.push(JSON.parse(line));
  }

  notifyDrained(): void {}

  read(): void {
    this.bufferedBytes = 0;
    this.outbox.drained();
  }

  writeTo(outbox: Outbox, { text }: ResultText): Writing {
    return outbox.write(`${text}\n`);
  }

  writeEnd(outbox: Outbox, message: string): Writing {
    return outbox.writeMessage(`${message}\n`);
  }

  bytesOf({ text }: ResultText): number {
    return text.length + 1;
  }

  /** The server has event `n` for it. */
  deliver(n: number, padding: number): Writing {
    const result = { data: { n }, extensions: { padding: 'x'.repeat(padding) } };
    const text = new ResultText(JSON.stringify(result), result);
    text.mark = subject.mark({ epoch: 'e', offset: String(n) }, 0);
    this.tokens.push(text.mark.token);
    return this.outbox.deliver(this, text.resumable);
  }

  /** The server has something to say before event `n`. */
  report(n: number): Writing {
    const result = { extensions: { before: n } };
    const text = new ResultText(JSON.stringify(result), result);
    text.standing = 'report';
    return this.outbox.deliver(this, text);
  }
}

interface Heard {
  readonly data?: { readonly n: number };
  readonly extensions?: {
    /** Of a report: the event that follows it. */
    readonly before?: number;
    readonly resume?: {
      readonly missing?: { readonly from: string; readonly until: string; readonly events: number };
    };
  };
}

it.each(['drop-oldest', 'drop-newest', 'latest'] as const)(
  'a client that opted in is told which events %s left out, before the next one or the end',
  (policy) => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.nat(600) },
      fc.constant('read' as const),
      fc.constant('report' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const client = new SlowClient(policy);
        let published = 0;
        for (const each of steps) {
          if (each === 'read') client.read();
          else if (each === 'report') expect(client.report(published)).toBe('sent');
          else expect(client.deliver(published++, each)).toBe('sent');
        }
        expect(client.outbox.end(client, '{"end":true}')).toBe('sent');
        while (client.outbox.isHolding) client.read();

        let next = 0;
        for (const { data, extensions } of client.heard.slice(0, -1) as readonly Heard[]) {
          const missing = extensions?.resume?.missing;
          if (data) expect(data.n).toBe(next++);
          const before = extensions?.before;
          if (before !== undefined) expect(before).toBe(next);
          if (!missing) continue;
          expect(client.tokens.slice(next, next + missing.events)).toSatisfy(
            (range: readonly string[]) =>
              range[0] === missing.from && range.at(-1) === missing.until,
          );
          next += missing.events;
        }
        expect(next).toBe(published);
        expect(client.heard.at(-1)).toEqual({ end: true });
        expect(client.droppedResults).toBe(published - numberOfEvents(client.heard));
      }),
      { numRuns: 1_000 },
    );
  },
);

function numberOfEvents(heard: readonly unknown[]): number {
  return (heard as readonly Heard[]).filter(({ data }) => data).length;
}
