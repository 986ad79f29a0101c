import process from 'node:process';

/** What a signal ends. */
export interface Signalled {
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Which signals drain a server: those named, `true` for SIGTERM, `false` for none. */
export type DrainSignals = boolean | readonly NodeJS.Signals[];

/** How long a process may go on that had no other way to learn of the signal than its end. */
const afterlifeMs = 1_000;

/** One listener per signal, however many servers a process has. */
const watched = new Map<NodeJS.Signals, Set<SignalledServer>>();

/** Has the first of `signals` drain `running`, and the next one close it. Returns what ends that. */
export function drainOn(signals: DrainSignals, running: Signalled): () => void {
  const server = new SignalledServer(running);
  const names = toNames(signals);
  for (const name of names) watch(name, server);
  return () => {
    for (const name of names) forget(name, server);
  };
}

class SignalledServer {
  readonly #running: Signalled;
  #isDraining = false;

  constructor(running: Signalled) {
    this.#running = running;
  }

  /** Resolves once it is closed. */
  end(): Promise<void> {
    if (this.#isDraining) return this.#running.close();
    this.#isDraining = true;
    return this.#running.drain();
  }
}

function toNames(signals: DrainSignals): readonly NodeJS.Signals[] {
  if (typeof signals === 'boolean') return signals ? ['SIGTERM'] : [];
  return signals;
}

function watch(name: NodeJS.Signals, server: SignalledServer): void {
  const servers = watched.get(name);
  if (servers) return void servers.add(server);
  watched.set(name, new Set([server]));
  process.on(name, endServers);
}

function forget(name: NodeJS.Signals, server: SignalledServer): void {
  const servers = watched.get(name);
  servers?.delete(server);
  if (servers?.size !== 0) return;
  watched.delete(name);
  process.off(name, endServers);
}

function endServers(name: NodeJS.Signals): void {
  const wasOurs = process.listenerCount(name) === 1;
  const ends = [...(watched.get(name) ?? [])].map((server) => server.end());
  if (wasOurs) void endProcess(name, ends); // never rejects: no end does
}

/**
 * Does in the end what the signal would have done without us.
 *
 * @remarks
 * A program that has nothing left to do ends by itself, before. One that has, and does not listen for the signal, would go on until it is killed:
 * it relied on the signal.
 */
async function endProcess(name: NodeJS.Signals, ends: readonly Promise<void>[]): Promise<void> {
  await Promise.all(ends);
  setTimeout(() => {
    if (process.listenerCount(name) === 0) process.kill(process.pid, name);
  }, afterlifeMs).unref();
}
