import type { Direction } from 'millrace/testing/node';
import { describe, expect, it } from 'vitest';

import { eachCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import type { FaultServer } from '../support/fault-server.ts';
import { nothing, raiseFaultStage, serveFaults } from '../support/fault-stage.ts';
import type { FaultStage, FaultStageOptions } from '../support/fault-stage.ts';
import { findBoundaries, recordTraffic } from '../support/traffic-recorder.ts';
import type { TrafficRecorder } from '../support/traffic-recorder.ts';

/** What may follow the last line of a stream, and says nothing new: the ends of a line, of its chunk, and of the body (RFC 9112, section 7.1). */
const chunkedEndBytes = 8;

/** What is said, up to its end, whatever happens to the connection meanwhile. */
type Conversation = (stage: FaultStage) => Promise<void>;

/** A subscription gets two events, and is stopped by its consumer. */
async function stopped(stage: FaultStage): Promise<void> {
  const subscriber = stage.subscribe('a');
  const { consumer, handle } = subscriber;
  for (let received = 0; received < 2;) {
    await stage.until(
      () => handle.status.current === 'live' && stage.server.openSources === 1,
      'a subscriber that is live',
    );
    const lossesSoFar = stage.losses.length;
    await stage.server.publish('a', stage.nextText());
    await stage.until(
      () => consumer.rest.length > 0 || stage.losses.length > lossesSoFar,
      'an event or a loss',
    );
    if (consumer.rest.length === 0) continue;
    await consumer.next();
    received += 1;
  }
  consumer.stop();
  await stage.server.operations(0);
}

/** A subscription gets two events and is completed by the server; whoever comes back gets both again. */
async function completed(stage: FaultStage): Promise<void> {
  const { consumer } = stage.observe(
    'countdown',
    stage.client.subscribe({ query: 'subscription { countdown(from: 2) }' }),
  );
  await stage.until(() => consumer.end !== undefined, 'the end of a subscription');
  expect(consumer.end).toBe('complete');
  expect(consumer.rest.slice(-2)).toEqual([{ data: { countdown: 2 } }, { data: { countdown: 1 } }]);
  await stage.server.operations(0);
}

const conversations = Object.entries<Conversation>({ stopped, completed });

/** Where messages end in each direction, in bytes. */
type Boundaries = Readonly<Record<Direction, readonly number[]>>;

/** Where the messages of a conversation end, on each of its TCP connections. */
async function record(
  carrier: FaultCarrier,
  converse: Conversation,
  server: FaultServer,
): Promise<readonly Boundaries[]> {
  const recorders: TrafficRecorder[] = [];
  const stage = await raiseFaultStage(carrier, {
    server,
    insert: async (port) => {
      const recorder = await recordTraffic(port);
      recorders.push(recorder);
      return recorder.port;
    },
  });
  await converse(stage);
  const connections = recorders
    .flatMap(({ traffic }) => traffic)
    // after an abort `fetch` of Node opens one that nobody asked for
    .filter((traffic) => traffic['to-server'].length > 0)
    .map((traffic) => ({
      'to-server': findBoundaries(traffic['to-server']),
      'to-client': findBoundaries(traffic['to-client']),
    }));
  expect(stage.losses).toEqual([]);
  expect(await stage.leave()).toEqual(nothing);
  return connections;
}

/** Where a conversation is cut. */
interface Cut {
  readonly direction: Direction;
  /** On which of its connections, from 0. */
  readonly connection: number;
  readonly bytes: number;
  /** Whether something is lost by it. */
  readonly isDecisive: boolean;
}

/** A cut at each boundary, and one in the middle of each message between them. */
function findCuts(
  connections: readonly Boundaries[],
  direction: Direction,
  carrier: FaultCarrier,
): readonly Cut[] {
  return connections.flatMap(({ [direction]: boundaries }, connection) =>
    withMiddles(boundaries).map((bytes) => ({
      direction,
      connection,
      bytes,
      isDecisive: isDecisive({ direction, connection, bytes }, boundaries, carrier),
    })),
  );
}

function isDecisive(
  { direction, connection, bytes }: Omit<Cut, 'isDecisive'>,
  boundaries: readonly number[],
  { kind, streamAt }: FaultCarrier,
): boolean {
  const total = boundaries.at(-1) ?? 0;
  if (kind === 'socket' || connection === streamAt) return true;
  if (streamAt === undefined) return bytes < total - chunkedEndBytes;
  // results of what the server was asked for may come before its answer
  if (connection > streamAt) return direction === 'to-server' && bytes < total;
  // an answer that has come needs its connection no more
  return direction === 'to-server' || bytes === 0 || !boundaries.includes(bytes);
}

/** The boundaries, and the middles of the messages between them. */
function withMiddles(boundaries: readonly number[]): readonly number[] {
  return boundaries.flatMap((end, index) => {
    const start = boundaries[index - 1];
    return start === undefined ? [end] : [Math.floor((start + end) / 2), end];
  });
}

/** One, but the `fetch` of Node may send the next request on a connection of its pool that the same reset is just ending. */
const mostLosses = { socket: 1, response: 2 } as const;

/** For some forty conversations, on a machine that has other things to do, in milliseconds. */
const longestMs = 30_000;

function cutAt({ connection, bytes, direction }: Cut): FaultStageOptions {
  let connections = 0;
  return {
    proxy: {
      onConnection: (proxied) => {
        if (connections === connection) proxied.resetAfter({ bytes }, direction);
        connections += 1;
      },
    },
  };
}

describe.each(eachCarrier)('a reset: %s', (_, carrier) => {
  describe.each(conversations)('of a subscription that is %s', (_name, converse) => {
    it.each(['to-server', 'to-client'] as const)(
      'at each boundary of messages, and within each, %s',
      async (direction) => {
        const server = await serveFaults();
        const connections = await record(carrier, converse, server);
        const cuts = findCuts(connections, direction, carrier);
        expect(connections).toHaveLength(carrier.streamAt === undefined ? 1 : 3);
        expect(cuts.length).toBeGreaterThan(4);
        for (const cut of cuts) {
          const stage = await raiseFaultStage(carrier, { server, ...cutAt(cut) });
          try {
            await converse(stage);
            await stage.live(stage.subscribe('b'));
            expect(stage.losses.length).toBeGreaterThanOrEqual(cut.isDecisive ? 1 : 0);
            expect(stage.losses.length).toBeLessThanOrEqual(mostLosses[carrier.kind]);
            expect(await stage.leave()).toEqual(nothing);
          } catch (cause) {
            throw new Error(`${JSON.stringify(cut)} of ${JSON.stringify(connections)}`, { cause });
          }
        }
      },
      longestMs,
    );
  });
});
