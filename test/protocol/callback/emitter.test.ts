import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type {
  EmitterOptions,
  EmitterOutput,
  Reply,
} from '../../../src/protocol/callback/emitter.ts';
import { CallbackEmitter } from '../../../src/protocol/callback/emitter.ts';
import { emitterOptions, replyWith, subscriptionWith } from './emitter-parts.ts';

const none = { kind: 'none' } as const;
const post = (body: string) => ({ kind: 'post', lane: 'event', body });
const check = expect.objectContaining({ kind: 'post', lane: 'check' });
const closed = (end: string) => ({ kind: 'closed', end });

/** An emitter whose subscriber has accepted the check at 0. */
function running(options: Partial<EmitterOptions> = {}, heartbeatIntervalMs = 0): CallbackEmitter {
  const subscription = subscriptionWith({ heartbeatIntervalMs });
  const emitter = new CallbackEmitter(subscription, { ...emitterOptions, ...options });
  emitter.open(0);
  emitter.replied('check', replyWith(204), 0);
  return emitter;
}

/** What an answer to the first check leads to. */
function afterCheck(reply: Reply): readonly EmitterOutput[] {
  const emitter = new CallbackEmitter(subscriptionWith(), emitterOptions);
  emitter.open(0);
  return emitter.replied('check', reply, 0);
}

describe('the first check', () => {
  it('is the first thing that is sent', () => {
    const emitter = new CallbackEmitter(subscriptionWith(), emitterOptions);

    expect(emitter.open(0)).toEqual([check]);
  });

  it('opens the source', () => {
    expect(afterCheck(replyWith(204))).toEqual([{ kind: 'opened' }]);
  });

  it.each([
    [204, undefined],
    [204, 'callback/1.0'],
    [200, 'callback/1.0'],
  ])('is accepted by %i with the protocol %j', (status, protocol) => {
    expect(afterCheck({ kind: 'answer', status, protocol })).toEqual([{ kind: 'opened' }]);
  });

  it.each([
    [200, undefined],
    [204, 'callback/2.0'],
    [202, ''],
  ])('is not accepted by %i with the protocol %j', (status, protocol) => {
    expect(afterCheck({ kind: 'answer', status, protocol })).toEqual([closed('refused')]);
  });
});

describe('later messages', () => {
  it('may be answered without the header', () => {
    const emitter = running();
    emitter.next('1', 0);

    expect(
      emitter.replied('event', { kind: 'answer', status: 200, protocol: undefined }, 0),
    ).toEqual([]);
    expect(emitter.state).toBe('quiet');
  });

  it('wait for the one before', () => {
    const emitter = running();

    expect(emitter.next('1', 0)).toEqual([post('1')]);
    expect(emitter.next('2', 0)).toEqual([]);
    expect(emitter.end('end', 0)).toEqual([]);
    expect(emitter.replied('event', replyWith(200), 1)).toEqual([post('2')]);
    expect(emitter.replied('event', replyWith(200), 2)).toEqual([post('end')]);
    expect(emitter.replied('event', replyWith(202), 3)).toEqual([closed('completed')]);
  });

  it('count until they have arrived', () => {
    const emitter = running();
    emitter.next('é', 0);
    emitter.next('three', 0);

    expect(emitter.waitingBytes).toBe(7);
    emitter.replied('event', replyWith(200), 1);
    expect(emitter.waitingBytes).toBe(5);
    emitter.replied('event', replyWith(200), 1);
    expect(emitter.waitingBytes).toBe(0);
  });

  it('that wait can be forgotten, the one under way not', () => {
    const emitter = running();
    emitter.next('1', 0);
    emitter.next('2', 0);

    emitter.forgetWaiting();
    emitter.end('end', 0);

    expect(emitter.waitingBytes).toBe(4);
    expect(emitter.replied('event', replyWith(200), 1)).toEqual([post('end')]);
  });

  it('that get no answer are given up, and sent again after a pause', () => {
    const emitter = running();
    emitter.next('1', 0);

    expect(emitter.deadline).toBe(10_000);
    expect(emitter.tick(9_999)).toEqual([]);
    expect(emitter.tick(10_000)).toEqual([{ kind: 'abort', lane: 'event' }]);
    expect(emitter.tick(10_000)).toEqual([]);
    expect(emitter.replied('event', none, 10_001)).toEqual([]);
    expect(emitter.tick(10_102)).toEqual([post('1')]);
  });

  it('have arrived if the answer came as they were given up', () => {
    const emitter = running();
    emitter.next('1', 0);
    emitter.tick(10_000);

    emitter.replied('event', replyWith(200), 10_001);

    expect(emitter.state).toBe('quiet');
  });

  it('pause longer each time, and no longer than the longest', () => {
    const emitter = running({ attempts: 8 });
    emitter.next('1', 0);
    const pauses: number[] = [];
    for (let now = 0; pauses.length < 7;) {
      emitter.replied('event', none, now);
      pauses.push(Math.round(emitter.deadline - now));
      now = emitter.deadline;
      emitter.tick(now);
    }

    expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });
});

describe('heartbeats', () => {
  it('come after four fifths of the interval', () => {
    const emitter = running({}, 5_000);

    expect(emitter.deadline).toBe(4_000);
    expect(emitter.tick(4_000)).toEqual([check]);
  });

  it('that get no answer are given up when the next is due', () => {
    const emitter = running({}, 5_000);
    emitter.tick(4_000);

    expect(emitter.tick(8_000)).toEqual([{ kind: 'abort', lane: 'check' }]);
    expect(emitter.replied('check', none, 8_000)).toEqual([check]);
  });

  it('may fail often, but not that often in a row', () => {
    const emitter = running({ attempts: 3 }, 5_000);
    const beat = (now: number, status: number) => {
      emitter.tick(now);
      return emitter.replied('check', replyWith(status), now);
    };

    const outputs = [503, 503, 204, 503, 503, 503].map((status, i) =>
      beat((i + 1) * 4_000, status),
    );

    expect(outputs.flat()).toEqual([closed('unreachable')]);
  });

  it('that failed are forgiven when an event arrives', () => {
    const emitter = running({ attempts: 2 }, 5_000);
    emitter.tick(4_000);
    emitter.replied('check', none, 4_000);
    emitter.next('1', 4_000);
    emitter.replied('event', replyWith(200), 4_000);
    emitter.tick(8_000);

    expect(emitter.replied('check', none, 8_000)).toEqual([]);
  });
});

describe('the end', () => {
  it('may not take long for somebody in a hurry', () => {
    const emitter = running();
    emitter.next('1', 0);
    emitter.end('end', 0);

    emitter.hurry(100);
    emitter.hurry(200);

    expect(emitter.deadline).toBe(5_100);
    expect(emitter.tick(5_100)).toEqual([{ kind: 'abort', lane: 'event' }, closed('unreachable')]);
  });

  it('comes whatever is under way in both lanes', () => {
    const emitter = running({}, 5_000);
    emitter.next('1', 0);
    emitter.tick(4_000);

    expect(emitter.replied('check', replyWith(404), 4_001)).toEqual([
      { kind: 'abort', lane: 'event' },
      closed('gone'),
    ]);
    expect([emitter.deadline, emitter.waitingBytes]).toEqual([Infinity, 0]);
  });
});

/** Something that may happen to an emitter. */
const happening = fc.oneof(
  fc.constant({ kind: 'next' } as const),
  fc.record({
    kind: fc.constant('reply' as const),
    lane: fc.constantFrom('check' as const, 'event' as const),
    status: fc.constantFrom(200, 200, 204, 302, 400, 404, 500, 503),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(12_000) }),
  fc.constant({ kind: 'end' } as const),
  fc.constant({ kind: 'hurry' } as const),
);

it('never has two messages of a lane under way, keeps their order, and sends nothing after its end', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), fc.nat(6_000), (happenings, interval) => {
      const emitter = new CallbackEmitter(
        subscriptionWith({ heartbeatIntervalMs: interval }),
        emitterOptions,
      );
      const under = new Set<string>();
      const sent: string[] = [];
      let isClosed = false;
      let now = 0;
      let number = 0;
      const see = (outputs: readonly EmitterOutput[]): void => {
        for (const output of outputs) {
          expect(isClosed).toBe(false);
          if (output.kind === 'closed') isClosed = true;
          if (output.kind === 'abort') expect(under.has(output.lane)).toBe(true);
          if (output.kind !== 'post') continue;
          expect(under.has(output.lane)).toBe(false);
          under.add(output.lane);
          if (output.lane === 'event' && sent.at(-1) !== output.body) sent.push(output.body);
        }
      };
      see(emitter.open(now));
      for (const each of happenings) {
        switch (each.kind) {
          case 'next':
            see(emitter.next(String((number += 1)).padStart(3, '0'), now));
            break;
          case 'reply':
            if (!under.delete(each.lane)) break;
            see(emitter.replied(each.lane, replyWith(each.status), now));
            break;
          case 'wait':
            now += each.ms;
            see(emitter.tick(now));
            break;
          case 'end':
            see(emitter.end('end', now));
            break;
          case 'hurry':
            emitter.hurry(now);
            break;
        }
      }
      expect(sent).toEqual(sent.toSorted());
      expect(emitter.state === 'closed').toBe(isClosed);
    }),
  );
});
