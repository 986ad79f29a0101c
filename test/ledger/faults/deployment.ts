import type { ResumeKey } from 'millrace/server';

import { firstKey, secondKey } from '../fleet.ts';
import type { Stage } from '../stage.ts';

/** Between two servers, and between two schemas. */
const betweenMs = 300;

/** Every server makes a new schema, some times, and clients come anew to some of them. */
export async function reloadSchemas(stage: Stage): Promise<void> {
  for (let i = 0; i < 4; i++) {
    for (const server of stage.fleet.servers) server.reloadSchema();
    await stage.pause(betweenMs);
    stage.fleet.server(i).proxy.reset();
    await stage.pause(betweenMs);
  }
}

/** Servers learn the new key before any of them uses it, and forget the old one when no token of it is left that somebody needs. */
export async function rotateKeys(stage: Stage): Promise<void> {
  await restartWith(stage, [firstKey, secondKey]);
  await restartWith(stage, [secondKey, firstKey]);
}

/** Servers use the new key while others do not know it yet. */
export async function rotateKeysAtOnce(stage: Stage): Promise<void> {
  await restartWith(stage, [secondKey, firstKey]);
}

/** After each restart all clients are cut off, and come back with tokens of old servers to new ones and the other way round. */
async function restartWith({ fleet, pause }: Stage, keys: readonly ResumeKey[]): Promise<void> {
  for (const server of fleet.servers) {
    await server.drain();
    await server.start({ keys });
    await pause(betweenMs);
    for (const { proxy } of fleet.servers) proxy.reset();
    await pause(betweenMs);
  }
}
