import type { Pace } from '../publisher.ts';
import type { Stage } from '../stage.ts';

/** What is published while readers are slow: the system buffers some megabytes for each connection, and all of that has to be filled. */
export interface Flood {
  /** To each stream. */
  readonly events: number;
  readonly pace: Pace;
}

const usualPace: Pace = { intervalMs: 100, paddingBytes: 0 };

/** What a slow reader reads. */
const slowBytesPerSecond = 100_000;

/** One in three connections is not read from. */
export async function stopReaders(stage: Stage, flood: Flood): Promise<void> {
  const connections = stage.fleet.servers.flatMap(({ proxy }) => proxy.connections);
  const stopped = connections.filter((_, i) => i % 3 === 0);
  for (const connection of stopped) connection.stall('to-client');
  await publish(stage, flood);
  for (const connection of stopped) connection.release('to-client');
}

/** All who are on the first server, or come to it, read slowly. */
export async function slowReaders(stage: Stage, flood: Flood): Promise<void> {
  const { proxy } = stage.fleet.server(0);
  proxy.setWeather({ bytesPerSecond: slowBytesPerSecond }, 'to-client');
  await publish(stage, flood);
  proxy.setWeather({ bytesPerSecond: Number.POSITIVE_INFINITY }, 'to-client');
}

async function publish({ publisher }: Stage, { events, pace }: Flood): Promise<void> {
  publisher.setPace(pace);
  await publisher.accepted(events);
  publisher.setPace(usualPace);
}
