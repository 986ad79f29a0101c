import { readFile, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** The server has one core for all its threads, the generator another. */
export const cores = {
  server: Number(process.env['BENCH_SERVER_CORE'] ?? 0),
  generator: Number(process.env['BENCH_GENERATOR_CORE'] ?? 1),
};

/** @returns {void} */
export function assertTwoCores() {
  if (availableParallelism() < 2 || cores.server === cores.generator) {
    throw new Error('the server and the generator need a core each');
  }
}

/**
 * @param {number} core
 * @param {readonly string[]} command
 * @returns {[string, string[]]} what to spawn
 */
export function pinned(core, command) {
  return ['taskset', ['--cpu-list', String(core), ...command]];
}

/**
 * Looks with the kernel whether every thread of the process is bound to this core alone.
 *
 * @param {number} pid
 * @param {number} core
 * @returns {Promise<void>}
 */
export async function assertPinned(pid, core) {
  const threads = await readdir(`/proc/${pid}/task`);
  for (const thread of threads) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    const allowed = /^Cpus_allowed_list:\s*(.*)$/mu.exec(status)?.[1];
    if (allowed !== String(core)) {
      throw new Error(`thread ${thread} of process ${pid} may run on ${allowed}, not on ${core}`);
    }
  }
}
