import type { Pace } from '../publisher.ts';
import type { Stage } from '../stage.ts';

/** What is published while readers are slow: the system buffers some megabytes for each connection, and all of that has to be filled. */
export interface Flood {
  /** To the first stream of each topic. */
  readonly events: number;
  readonly pace: Pace;
}

/** What a slow reader reads. */
const slowBytesPerSecond = 20_000;

/** Nothing is read on the connections that one of the servers has. */
export async function stopReaders(stage: Stage, flood: Flood): Promise<void> {
  const { connections } = stage.fleet.server(1).proxy;
  for (const connection of connections) connection.stall('to-client');
  await publish(stage, flood);
  for (const connection of connections) connection.release('to-client');
}

/** All who are on the first server, or come to it, read slowly. */
export async function slowReaders(stage: Stage, flood: Flood): Promise<void> {
  const { proxy } = stage.fleet.server(0);
  proxy.setWeather({ bytesPerSecond: slowBytesPerSecond }, 'to-client');
  await publish(stage, flood);
  proxy.setWeather({ bytesPerSecond: Number.POSITIVE_INFINITY }, 'to-client');
}

async function publish({ publisher }: Stage, { events, pace }: Flood): Promise<void> {
  const firstOnes = publisher.streams.filter(({ key }) => key === 'a');
  await publisher.flood(firstOnes, events, pace);
}
