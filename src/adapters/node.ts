import cluster from 'node:cluster';

import { toDrainWindow } from '../server/drain.ts';
import type { Server } from '../server/index.ts';
import { drainOn } from './drain-signals.ts';
import { listenHere } from './node-server.ts';
import type { ListenOptions, Running } from './node-server.ts';
import { listenAsWorker } from './workers/worker-process.ts';
import { startWorkers } from './workers/worker-group.ts';

export type { AttachOptions, UpgradeAttachment } from './attach-upgrades.ts';
export { attachUpgrades } from './attach-upgrades.ts';
export type { Attachment, ListenOptions, Running } from './node-server.ts';
export { attach } from './node-server.ts';
export type { WorkerExit, WorkerOptions, Workers } from './workers/worker-options.ts';
export { LocalBrokerError } from './workers/worker-options.ts';

/**
 * Listens on a port of its own, in this process or in several.
 *
 * @remarks
 * With `workers` this program runs once as the primary, which starts the workers and serves nobody, and once in each of them; `role` says which one it is.
 * In the primary it resolves once all of them listen.
 * @throws the error of `node:net` (`EADDRINUSE` and others) if it cannot
 * @throws LocalBrokerError for several workers whose events would not reach each other
 */
export async function listen(server: Server, options: ListenOptions = {}): Promise<Running> {
  toDrainWindow(options.drain ?? {}); // a signal would be late to find out
  if (options.workers === undefined) return listenAlone(server, options);
  return cluster.isPrimary ? startWorkers(server, options) : listenAsWorker(server, options);
}

async function listenAlone(server: Server, options: ListenOptions): Promise<Running> {
  const listening = await listenHere(server, options);
  const ignoreSignals = drainOn(options.drainOnSignals ?? true, listening);
  void listening.closed.then(ignoreSignals); // never rejects
  return listening;
}
