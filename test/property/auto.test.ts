import fc from 'fast-check';
import { createClient } from 'millrace/client';
import type { OperationHandle } from 'millrace/client';
import { auto } from 'millrace/client/auto';
import { expect, it } from 'vitest';

import { TransportError } from '../../src/client/transport-error.ts';
import { QuickClock } from '../support/client-clock.ts';
import type { ScriptedConnection } from '../support/scripted-transport.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

const which = fc.nat({ max: 5 });
const kinds = fc.array(fc.constantFrom('shared' as const, 'single' as const), {
  minLength: 1,
  maxLength: 3,
});
const acts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('serve' as const, 'lose' as const), which }),
    fc.record({ kind: fc.constant('refuse' as const), which, isFinal: fc.boolean() }),
    fc.record({ kind: fc.constant('subscribe' as const) }),
    fc.record({ kind: fc.constant('reconnect' as const) }),
    fc.record({ kind: fc.constant('cancel' as const), which }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 400, 70_000) }),
  ),
  { maxLength: 40, size: 'max' },
);
type Act = (typeof acts extends fc.Arbitrary<infer Value> ? Value : never)[number];

/** Subscriptions over a choice of transports whose connections come and go. */
class World {
  readonly clock = new QuickClock();
  readonly transports: readonly ScriptedTransport[];
  readonly handles: OperationHandle<unknown>[] = [];
  readonly #client;

  constructor(given: readonly ('shared' | 'single')[]) {
    this.transports = given.map((kind) => new ScriptedTransport(kind));
    this.#client = createClient({
      url: 'http://server.test/graphql',
      transport: auto(this.transports, { now: () => this.clock.now() }),
      clock: this.clock,
      signals: () => () => {},
      random: () => 0.5,
    });
  }

  get connections() {
    return this.transports.flatMap(({ inUse }) => inUse);
  }

  get running() {
    return this.handles.filter(({ status }) => status.current !== 'ended');
  }

  async perform(act: Act): Promise<void> {
    if (act.kind === 'wait') await this.clock.advance(act.ms);
    else if (act.kind === 'subscribe') this.#subscribe();
    else if (act.kind === 'reconnect') this.#client.reconnect();
    else if (act.kind === 'cancel') this.running[act.which % this.running.length]?.return();
    else this.#change(act, this.connections[act.which % this.connections.length]);
  }

  /** From now on everything works. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) {
      for (const connection of this.connections)
        if (connection.state === 'connecting') connection.serve();
      await this.clock.advance(70_000);
    }
  }

  close(): void {
    this.#client.close();
  }

  #change(
    act: Extract<Act, { readonly kind: 'serve' | 'lose' | 'refuse' }>,
    connection: ScriptedConnection | undefined,
  ): void {
    if (act.kind === 'lose') connection?.fail();
    else if (act.kind === 'refuse') {
      const details = { status: 403 };
      connection?.fail(new TransportError('CONNECTION_REFUSED', '', !act.isFinal, details));
    } else if (connection?.state === 'connecting') connection.serve();
  }

  #subscribe(): void {
    const handle = this.#client.subscribe({ query: 'subscription { a }' });
    handle.subscribe({});
    this.handles.push(handle);
  }
}

it('however transports fail and come back, each subscription ends or runs once, and nothing is left over', async () => {
  await fc.assert(
    fc.asyncProperty(kinds, acts, async (given, story) => {
      const world = new World(given);
      const started = () => world.connections.flatMap((each) => [...each.started.keys()]);
      for (const act of story) {
        await world.perform(act);
        expect(new Set(started()).size).toBe(started().length);
      }
      await world.settle();
      expect(started()).toHaveLength(world.running.length);
      expect(world.running.map(({ status }) => status.current)).toEqual(
        world.running.map(() => 'live'),
      );

      world.close();
      expect([world.connections, world.running, world.clock.timerCount]).toEqual([[], [], 0]);
    }),
    { numRuns: 1_000 },
  );
}, 60_000);
