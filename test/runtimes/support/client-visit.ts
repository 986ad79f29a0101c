import type { ClientReport } from './client-commands.ts';
import { startClientStage } from './client-stage.ts';
import type { ClientStage, StageFiles } from './client-stage.ts';

/** A runtime that runs the client's suite. */
export interface ClientPlace {
  /** The head of its column in the table. */
  readonly name: string;
  /** What it has to be served besides the API. */
  files?(): Promise<StageFiles>;
  /** Has it run a program of the suite against the server at `origin`. */
  open(origin: string): Promise<ClientRun>;
}

/** A program that runs. */
export interface ClientRun {
  /** Where programs end: resolves with the exit code once it has ended by itself. */
  readonly exited?: Promise<number | null>;
  /** What it complained of. */
  complaints(): string;
  /** Ends it, if it has not ended, and removes what it needed. */
  end(): Promise<void>;
}

/** What came of a run. */
export interface ClientVisit {
  /** By the names of the cases. */
  readonly reports: ReadonlyMap<string, Extract<ClientReport, { readonly kind: 'case' }>>;
  /** Where programs end: what it exited with, or `running` if it did not end by itself. */
  readonly exit?: number | null | 'running';
  readonly complaints: string;
}

/** How long a run may take; each case has a limit of its own. */
const patienceMs = 30_000;
/** How long a program may take to end when everything is said and done, in milliseconds: less than connections are kept idle. */
const exitMs = 10_000;

/** Runs the suite once. */
export async function visit(place: ClientPlace): Promise<ClientVisit> {
  const stage = await startClientStage(await place.files?.());
  try {
    const run = await place.open(stage.origin);
    try {
      return await watch(run, stage);
    } finally {
      await run.end();
    }
  } finally {
    await stage.close();
  }
}

async function watch(run: ClientRun, { reports, ended }: ClientStage): Promise<ClientVisit> {
  await Promise.race([ended, run.exited ?? ended, after(patienceMs, undefined)]);
  const exit = run.exited && (await Promise.race([run.exited, after(exitMs, 'running' as const)]));
  return { reports, complaints: run.complaints(), ...(exit !== undefined && { exit }) };
}

function after<Value>(delayMs: number, value: Value): Promise<Value> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), delayMs).unref();
  });
}
