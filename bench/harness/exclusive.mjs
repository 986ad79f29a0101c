import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** In Linux' abstract namespace: the system takes the name back when its process is gone, however it ended. */
const socketName = '\0millrace-bench';
const retryMs = 500;

/**
 * Waits until no other benchmark runs on this machine: they would share the cores, and the caches, and both would be wrong.
 *
 * @returns {Promise<() => void>} lets the next one begin
 */
export async function claimMachine() {
  let isTold = false;
  for (;;) {
    const server = createServer();
    server.listen(socketName);
    try {
      await once(server, 'listening');
      server.unref();
      return () => server.close();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
      if (!isTold) console.error('waiting for another benchmark to end');
      isTold = true;
      await sleep(retryMs);
    }
  }
}
