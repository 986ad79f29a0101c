import fc from 'fast-check';
import { expect, it } from 'vitest';

import { GatewayStage } from '../../support/gateway-stage.ts';

const connections = ['a', 'b'] as const;
const rooms = ['x', 'y'] as const;
type ConnectionId = (typeof connections)[number];

type Act =
  | { readonly kind: 'subscribe'; readonly on: ConnectionId; readonly room: string }
  | { readonly kind: 'ask'; readonly on: ConnectionId }
  /** Of the operation that was started so many before the last. */
  | { readonly kind: 'stop'; readonly on: ConnectionId; readonly back: number }
  | { readonly kind: 'leave'; readonly on: ConnectionId }
  | { readonly kind: 'publish'; readonly room: string }
  /** Everything that is under way ends before the next. */
  | { readonly kind: 'rest' };

const on = fc.constantFrom(...connections);
const room = fc.constantFrom(...rooms);
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), on, room }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask' as const), on }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('stop' as const), on, back: fc.nat({ max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), on }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), room }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rest' as const) }) },
);

interface Started {
  readonly on: ConnectionId;
  readonly id: string;
  /** Of a subscription. */
  readonly room: string | undefined;
  isStopped: boolean;
}

/** Calls functions without waiting for those before, and remembers what a client would expect. */
class Client {
  readonly stage = new GatewayStage({ server: { limits: { subscribesPerSecond: Infinity } } });
  readonly started: Started[] = [];
  readonly gone = new Set<ConnectionId>();
  readonly #frames: { readonly on: string; readonly id?: string; readonly type: string }[] = [];
  #underWay: Promise<unknown>[] = [];

  /** @param delays - of the calls of the store, in turns of promises */
  async begin(delays: Iterator<number>): Promise<void> {
    for (const connectionId of connections) await this.stage.join(connectionId);
    this.stage.store.before = async () => {
      const turns = delays.next().value ?? 0;
      for (let i = 0; i < turns; i++) await Promise.resolve();
    };
    this.stage.onSend = async (connectionId, frame) => {
      this.#frames.push({ on: connectionId, ...(JSON.parse(frame) as { readonly type: string }) });
    };
  }

  async act(act: Act): Promise<void> {
    switch (act.kind) {
      case 'rest':
        return this.rest();
      case 'publish':
        return this.#begin(this.publish(act.room));
      case 'leave':
        this.gone.add(act.on);
        return this.#begin(this.stage.fresh.disconnect(act.on));
      case 'subscribe':
        return this.#start(act.on, act.room);
      case 'ask':
        return this.#start(act.on, undefined);
      case 'stop': {
        const started = this.started.filter((each) => each.on === act.on).at(-1 - act.back);
        if (!started || started.isStopped || this.gone.has(act.on)) return undefined;
        started.isStopped = true;
        const message = { id: started.id, type: 'complete' };
        return this.#begin(this.#send(act.on, message));
      }
    }
  }

  async rest(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = [];
    await Promise.all(underWay);
  }

  publish(to: string): ReturnType<GatewayStage['fresh']['publish']> {
    return this.stage.fresh.publish('said', { room: to, text: 'hi' }, { key: to });
  }

  /** What was pushed since the last time, as `connection/id`. */
  takeResults(): readonly string[] {
    return this.#frames
      .splice(0)
      .filter(({ type }) => type === 'next')
      .map(({ on: connectionId, id }) => `${connectionId}/${id}`);
  }

  #start(connectionId: ConnectionId, to: string | undefined): void {
    if (this.gone.has(connectionId)) return;
    const id = String(this.started.length);
    this.started.push({ on: connectionId, id, room: to, isStopped: false });
    const query = to === undefined ? '{ hello }' : `subscription { said(room: "${to}") { text } }`;
    this.#begin(this.#send(connectionId, { id, type: 'subscribe', payload: { query } }));
  }

  #send(connectionId: string, message: object): Promise<void> {
    return this.stage.fresh.message({ connectionId, data: JSON.stringify(message) });
  }

  #begin(work: Promise<unknown>): void {
    this.#underWay.push(work);
  }
}

it('keeps exactly the subscriptions that were neither stopped nor left, whatever overtakes what', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(acts, { maxLength: 30 }),
      fc.infiniteStream(fc.nat({ max: 12 })),
      async (schedule, delays) => {
        const client = new Client();
        await client.begin(delays);
        for (const act of schedule) await client.act(act);
        await client.rest();
        client.takeResults();
        const alive = client.started.filter(
          (each) => each.room !== undefined && !each.isStopped && !client.gone.has(each.on),
        );

        for (const each of rooms) await client.publish(each);

        expect(client.takeResults().toSorted()).toEqual(
          alive.map((each) => `${each.on}/${each.id}`).toSorted(),
        );
        expect(client.stage.store.subscriptionCount).toBe(alive.length);
        const claimed = [...client.stage.store.connections.values()].flatMap(
          ({ text }) =>
            (JSON.parse(text) as { readonly operations: readonly unknown[] }).operations,
        );
        expect(claimed).toHaveLength(alive.length);
        expect(client.stage.reported).toEqual([]);
      },
    ),
    { numRuns: 120 },
  );
}, 60_000);
