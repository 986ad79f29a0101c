import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LineModel } from '../support/client-line-model.ts';
import type { LineAct, Occasion } from '../support/client-line-model.ts';

const which = fc.nat(20);
const idleTimeoutMs = fc.constantFrom(0, 1, 3_000);

const nothing = { connections: 0, timers: 0, watchers: 0 };

const simple: fc.Arbitrary<LineAct> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove'), which }) },
  { weight: 2, arbitrary: fc.constant<LineAct>({ kind: 'reconnect' }) },
  { weight: 1, arbitrary: fc.constant<LineAct>({ kind: 'close' }) },
);

/** Acts of the world, which do not happen inside of a call: a transport tells nothing before it returns, nor from inside of `close`. */
const worldly: fc.Arbitrary<LineAct> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<LineAct>({ kind: 'connected' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lost'), retryable: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constant<LineAct>({ kind: 'lost', retryable: true }) },
  { weight: 2, arbitrary: fc.constant<LineAct>({ kind: 'wake' }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(5_000) }) },
);

const add: fc.Arbitrary<LineAct> = fc.record({
  kind: fc.constant('add'),
  isRetried: fc.boolean(),
  habits: fc.constant({}),
});

/** What a member does from inside of a call. */
const habit = fc.oneof(simple, add, fc.constant<LineAct>({ kind: 'wake' }));

const occasions = ['attach', 'connected', 'interrupted', 'failed'] as const satisfies Occasion[];

const addWithHabits: fc.Arbitrary<LineAct> = fc.record({
  kind: fc.constant('add'),
  isRetried: fc.boolean(),
  habits: fc.dictionary(fc.constantFrom(...occasions), habit, {
    maxKeys: 2,
    noNullPrototype: true,
  }),
});

describe('a line', () => {
  it('keeps one connection for those who need it, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(
        idleTimeoutMs,
        fc.array(fc.oneof({ weight: 1, arbitrary: simple }, add, worldly), {
          maxLength: 40,
          size: 'max',
        }),
        async (idle, acts) => {
          const model = new LineModel(idle);
          for (const act of acts) await model.act(act);
          await model.finish();

          expect(model.left).toEqual(nothing);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps its promises whatever members do from inside of its calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        idleTimeoutMs,
        fc.array(fc.oneof(simple, addWithHabits, worldly), { maxLength: 40, size: 'max' }),
        async (idle, acts) => {
          const model = new LineModel(idle);
          for (const act of acts) await model.act(act);
          await model.finish();

          expect(model.left).toEqual(nothing);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps its promises whatever hooks do from inside of its calls', async () => {
    const hooks = fc.record({ onConnected: habit, onDisconnected: habit }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(
        idleTimeoutMs,
        hooks,
        fc.array(fc.oneof(simple, add, worldly), { maxLength: 40, size: 'max' }),
        async (idle, hook, acts) => {
          const model = new LineModel(idle, hook);
          for (const act of acts) await model.act(act);
          await model.finish();

          expect(model.left).toEqual(nothing);
        },
      ),
      { numRuns: 500 },
    );
  });
});
