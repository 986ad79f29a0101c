import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { ByteTarget } from '../../src/server/byte-target.ts';
import { Counters } from '../../src/server/counters.ts';
import type { Flushable } from '../../src/server/flusher.ts';
import { toEffectiveLimits } from '../../src/server/limits.ts';
import type { Writing } from '../../src/server/outbox.ts';
import { Outbox } from '../../src/server/outbox.ts';
import { ResultText } from '../../src/server/result-text.ts';
import type {
  ResultPolicy,
  ResultReader,
  SlowConsumerPolicy,
} from '../../src/server/slow-consumer.ts';

const limits = toEffectiveLimits({ outboxHighWaterBytes: 200, outboxHardBytes: 800 });

/** A connection whose peer reads when it is told to. */
class Peer implements ByteTarget {
  readonly counters = new Counters();
  readonly outbox: Outbox;
  bufferedBytes = 0;
  highestBytes = 0;
  written = '';
  #isAsked = false;
  readonly #turn: Flushable[] = [];

  constructor(slowConsumer: SlowConsumerPolicy) {
    const flusher = { add: (outbox: Flushable) => void this.#turn.push(outbox) };
    this.outbox = new Outbox(this, limits, { flusher, counters: this.counters, slowConsumer });
  }

  writeBytes(bytes: string): void {
    this.written += bytes;
    this.bufferedBytes += bytes.length;
    this.highestBytes = Math.max(this.highestBytes, this.bufferedBytes);
  }

  writeShared(head: string, shared: Uint8Array): void {
    this.writeBytes(head + Buffer.from(shared).toString('latin1'));
  }

  notifyDrained(): void {
    this.#isAsked = true;
  }

  endTurn(): void {
    for (const outbox of this.#turn.splice(0)) outbox.flush();
  }

  read(bytes: number): void {
    this.bufferedBytes = Math.max(0, this.bufferedBytes - bytes);
    if (this.bufferedBytes > 0 || !this.#isAsked) return;
    this.#isAsked = false;
    this.outbox.drained();
  }

  /** Reads until nothing waits any more. */
  readAll(): void {
    while (this.outbox.waitingBytes > 0 || this.outbox.isHolding) {
      this.endTurn();
      this.read(Number.POSITIVE_INFINITY);
    }
  }
}

/** One operation, and what was sent and read of it. */
class Reader implements ResultReader {
  readonly id: string;
  readonly policy: ResultPolicy;
  droppedResults = 0;
  sent = 0;
  hasEnded = false;

  constructor(id: string, policy: ResultPolicy) {
    this.id = id;
    this.policy = policy;
  }

  writeTo(outbox: Outbox, { text }: ResultText): Writing {
    return outbox.write(text);
  }

  writeEnd(outbox: Outbox, message: string): Writing {
    return outbox.writeMessage(message);
  }

  bytesOf({ text }: ResultText): number {
    return text.length;
  }

  /** `x` fills a result up to its length. */
  next(length: number): ResultText {
    const text = `${this.id}${this.sent}`;
    this.sent += 1;
    return new ResultText(`${text.padEnd(length, 'x')};`, {});
  }

  end(): string {
    this.hasEnded = true;
    return `${this.id}end;`;
  }

  /** Numbers of the results that were written, and `end`, in order. */
  heard(written: string): readonly string[] {
    const own = written.split(';').filter((piece) => piece.startsWith(this.id));
    return own.map((piece) => piece.slice(this.id.length).replaceAll('x', ''));
  }
}

type Step =
  | { readonly kind: 'deliver'; readonly reader: number; readonly length: number }
  | { readonly kind: 'end'; readonly reader: number }
  | { readonly kind: 'read'; readonly bytes: number }
  | { readonly kind: 'turn' };

const reader = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('deliver'),
      reader,
      length: fc.oneof(fc.nat(60), fc.nat(300)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end'), reader }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read'), bytes: fc.nat(400) }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'turn' as const }) },
);

const tolerant = fc.constantFrom<ResultPolicy>('drop-oldest', 'drop-newest', 'latest', 'keep');
const intolerant = fc.constantFrom<SlowConsumerPolicy>('disconnect', 'block');

/** Plays the steps until the connection has to be closed, then lets the peer read what there is. */
function play(policies: readonly ResultPolicy[], steps: readonly Step[]) {
  const peer = new Peer(policies.find((policy) => policy !== 'keep') ?? 'latest');
  const readers = policies.map((policy, index) => new Reader('abc'.charAt(index), policy));
  let verdict: Writing = 'sent';
  for (const each of steps) {
    verdict = apply(peer, readers, each);
    if (verdict === 'too-slow') break;
  }
  peer.readAll();
  return { peer, readers, verdict };
}

function apply(peer: Peer, readers: readonly Reader[], action: Step): Writing {
  if (action.kind === 'turn') peer.endTurn();
  if (action.kind === 'read') peer.read(action.bytes);
  if (action.kind === 'turn' || action.kind === 'read') return 'sent';
  const found = readers[action.reader];
  if (!found || found.hasEnded) return 'sent';
  return action.kind === 'end'
    ? peer.outbox.end(found, found.end())
    : peer.outbox.deliver(found, found.next(action.length));
}

const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));

it('a connection whose reader is slow loses nothing but what is counted, keeps the order, and ends behind what it held', () => {
  fc.assert(
    fc.property(
      fc.array(tolerant, { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 120 }),
      (policies, steps) => {
        const { peer, readers, verdict } = play(policies, steps);

        for (const each of readers) {
          const heard = each.heard(peer.written);
          const results = heard.filter((piece) => piece !== 'end').map(Number);
          expect(isAscending(results)).toBe(true);
          if (verdict === 'too-slow') continue;
          expect(results.length + each.droppedResults).toBe(each.sent);
          expect(heard.filter((piece) => piece === 'end')).toHaveLength(each.hasEnded ? 1 : 0);
          if (each.hasEnded) expect(heard.at(-1)).toBe('end');
          if (each.policy === 'keep') expect(each.droppedResults).toBe(0);
          if (each.policy === 'latest' && each.sent > 0) expect(results).toContain(each.sent - 1);
        }
        const dropped = readers.reduce((sum, each) => sum + each.droppedResults, 0);
        expect(peer.counters.snapshot().droppedResults).toBe(dropped);
        expect(peer.highestBytes).toBeLessThanOrEqual(limits.outboxHardBytes);
      },
    ),
    { numRuns: 1_000 },
  );
});

it('a connection whose policy is to disconnect drops nothing before that', () => {
  fc.assert(
    fc.property(
      fc.array(intolerant, { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 120 }),
      (policies, steps) => {
        const { peer, readers, verdict } = play(policies, steps);

        expect(peer.counters.snapshot().droppedResults).toBe(0);
        const kept = readers.reduce((sum, each) => sum + each.heard(peer.written).length, 0);
        const sent = readers.reduce((sum, each) => sum + each.sent + Number(each.hasEnded), 0);
        expect(kept).toBe(verdict === 'too-slow' ? sent - 1 : sent);
      },
    ),
    { numRuns: 500 },
  );
});

it('a reader that reads everything loses nothing, whatever the policy', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(tolerant, intolerant), { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 60 }),
      (policies, steps) => {
        const reading = steps
          .filter(({ kind }) => kind === 'deliver')
          .flatMap((each): Step[] => [
            each,
            { kind: 'turn' },
            { kind: 'read', bytes: Number.POSITIVE_INFINITY },
          ]);
        const { peer, readers } = play(policies, reading);

        for (const each of readers) {
          expect(each.heard(peer.written)).toEqual(
            Array.from({ length: each.sent }, (_, number) => String(number)),
          );
        }
      },
    ),
  );
});
