import { readFileSync } from 'node:fs';
import { setInterval as everyNext } from 'node:timers/promises';

const pageBytes = 4_096;

/**
 * Asks the kernel, so that looking costs the process nothing.
 *
 * @param {number} pid
 * @returns {number}
 */
export function readRssBytes(pid) {
  const [, resident] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Number(resident) * pageBytes;
}

/**
 * The most that a process held while `work` went on.
 *
 * @template Result
 * @param {number} pid
 * @param {Promise<Result>} work
 * @returns {Promise<{ result: Result, peakRssBytes: number }>}
 */
export async function watchRss(pid, work) {
  const done = new AbortController();
  let peakRssBytes = readRssBytes(pid);
  const watching = (async () => {
    for await (const _ of everyNext(100, undefined, { signal: done.signal })) {
      peakRssBytes = Math.max(peakRssBytes, readRssBytes(pid));
    }
  })().catch(() => {}); // the end of the work aborts it
  try {
    return { result: await work, peakRssBytes };
  } finally {
    done.abort();
    await watching;
  }
}
