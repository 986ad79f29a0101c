import type { Backplane } from '../backplanes/types.ts';
import type { Stage } from '../stage.ts';

/** Until everybody has noticed that it is back. */
const settleMs = 1_000;

/** Cuts the connections of all servers to the backplane, and refuses others for a while, in which some clients are cut off and come back. */
export async function cutBackplane(stage: Stage, durationMs: number): Promise<void> {
  const links = stage.fleet.servers.flatMap(({ toBackplane }) => toBackplane ?? []);
  for (const link of links) {
    link.refuse();
    link.reset();
  }
  stage.fleet.server(0).proxy.reset();
  await stage.pause(durationMs);
  for (const link of links) await link.accept();
  await stage.pause(settleMs);
}

/** Kills the backplane and starts it again, with what it kept. */
export async function restartBackplane(stage: Stage): Promise<void> {
  const backplane = backplaneOf(stage);
  await backplane.kill();
  await stage.pause(500);
  await backplane.start();
  await stage.pause(settleMs + 500);
}

/** The backplane answers nobody for a while. */
export async function stallBackplane(stage: Stage, durationMs: number): Promise<void> {
  await backplaneOf(stage).stall(durationMs);
  await stage.pause(settleMs);
}

/** Removes what clients have not read that are away: all but the newest events. */
export async function trimHistory(stage: Stage): Promise<void> {
  await whileClientsAreAway(stage, async () => {
    for (const { topic, key } of stage.publisher.streams) await backplaneOf(stage).trim(topic, key);
  });
}

/** Cuts off all clients, and lets them come back when `work` is done. */
export async function whileClientsAreAway(
  { fleet, pause }: Stage,
  work: () => Promise<void>,
): Promise<void> {
  for (const { proxy } of fleet.servers) {
    proxy.refuse();
    proxy.reset();
  }
  await pause(1_500);
  await work();
  for (const { proxy } of fleet.servers) await proxy.accept();
}

function backplaneOf({ fleet }: Stage): Backplane {
  if (!fleet.backplane) throw new Error('the events are in the memory of a server');
  return fleet.backplane;
}
