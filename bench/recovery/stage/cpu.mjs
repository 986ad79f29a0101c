import { readFileSync } from 'node:fs';

/** The unit of `/proc`: Linux shows 100 of them per second on every machine. */
const tickMs = 10;

/**
 * CPU time of all threads of a process, user and system, in steps of 10 ms. Asks the kernel, so that looking costs the process nothing.
 *
 * @param {number} pid
 * @returns {number}
 */
export function readCpuMs(pid) {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // the name, in brackets, may contain anything
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/**
 * How much of a core each process used between two looks.
 *
 * @param {Readonly<Record<string, number>>} pids by the names that tables call them
 * @returns {() => { wallMs: number, cpuMs: Record<string, number> }} the second look; it may be taken several times
 */
export function watchCpu(pids) {
  const beganAt = performance.now();
  const before = Object.entries(pids).map(([name, pid]) => ({
    name,
    pid,
    atFirst: readCpuMs(pid),
  }));
  return () => {
    const cpuMs = Object.fromEntries(
      before.map(({ name, pid, atFirst }) => [name, readCpuMs(pid) - atFirst]),
    );
    return { wallMs: performance.now() - beganAt, cpuMs };
  };
}
