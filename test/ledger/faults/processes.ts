import type { Stage } from '../stage.ts';

/** While a server is away. */
const absenceMs = 300;

/** Between the return of one server and the end of the next. */
const betweenMs = 500;

/** Kills each server and starts it again. */
export async function killServers(stage: Stage): Promise<void> {
  for (const server of stage.fleet.servers) {
    await server.kill();
    await stage.pause(absenceMs);
    await server.start();
    await stage.pause(betweenMs);
  }
}

/** Stops a server with all its connections open, and lets it go on. */
export async function freezeServer(stage: Stage, durationMs: number): Promise<void> {
  const server = stage.fleet.server(stage.randomIndex(stage.fleet.servers.length));
  server.freeze();
  await stage.pause(durationMs);
  server.thaw();
  await stage.pause(betweenMs);
}

/** Replaces each server by another one, after it has sent its clients away. */
export async function drainServers(stage: Stage): Promise<void> {
  for (const server of stage.fleet.servers) {
    await server.drain();
    await server.start();
    await stage.pause(betweenMs);
  }
}
