import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 30_000;

/**
 * Resolves once the server has this many connections.
 *
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {number} connections
 * @returns {Promise<void>}
 */
export async function untilConnections(server, connections) {
  const giveUpAt = performance.now() + patienceMs;
  let now = await server.stats();
  while (now.connections !== connections) {
    if (performance.now() > giveUpAt) {
      throw new Error(`${server.name} has ${now.connections} connections, not ${connections}`);
    }
    await sleep(50);
    now = await server.stats();
  }
}
