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

/** Where the messages of a conversation end, in each direction. */
async function record(
  carrier: FaultCarrier,
  converse: Conversation,
  server: FaultServer,
): Promise<Readonly<Record<Direction, readonly number[]>>> {
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
  const traffic = recorders.map((recorder) => recorder.traffic);
  const boundariesOf = (direction: Direction) =>
    findBoundaries(traffic.flatMap((each) => each[direction]));
  const boundaries = {
    'to-server': boundariesOf('to-server'),
    'to-client': boundariesOf('to-client'),
  };
  expect(stage.losses).toEqual([]);
  expect(await stage.leave()).toEqual(nothing);
  return boundaries;
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

function cutFirst(bytes: number, direction: Direction): FaultStageOptions {
  let connections = 0;
  return {
    proxy: {
      onConnection: (connection) => {
        connections += 1;
        if (connections === 1) connection.resetAfter({ bytes }, direction);
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
        const boundaries = (await record(carrier, converse, server))[direction];
        const total = boundaries.at(-1) ?? 0;
        expect(boundaries.length).toBeGreaterThan(2);
        for (const cut of withMiddles(boundaries)) {
          const stage = await raiseFaultStage(carrier, { server, ...cutFirst(cut, direction) });
          try {
            await converse(stage);
            await stage.live(stage.subscribe('b'));
            const isDecisive = carrier.kind === 'socket' || cut < total - chunkedEndBytes;
            expect(stage.losses.length).toBeGreaterThanOrEqual(isDecisive ? 1 : 0);
            expect(stage.losses.length).toBeLessThanOrEqual(mostLosses[carrier.kind]);
            expect(await stage.leave()).toEqual(nothing);
          } catch (cause) {
            throw new Error(`after ${cut} bytes of ${boundaries.join(', ')}`, { cause });
          }
        }
      },
    );
  });
});
