import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { expect, onTestFinished } from 'vitest';

import type { ExampleBundle } from './bundle-example.ts';
import { sendHttp } from './http-client.ts';
import type { ProcessStats, SharedServerLine, SharedServerOptions } from './shared-server.ts';

/** How long processes may take, each of which loads the whole package. */
export const processPatienceMs = 60_000;

/** Resolves once `condition` holds, of something that processes do. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  await expect
    .poll(condition, { timeout: processPatienceMs, interval: 5, message: what })
    .toBe(true);
}

/** A process that runs the program of `shared-server.ts`, and the workers that it started. */
export class SharedProgram {
  readonly child: ChildProcess;
  /** What it and its workers wrote, in order. */
  readonly lines: SharedServerLine[] = [];
  /** Exit code and signal. */
  readonly ended: Promise<readonly unknown[]>;
  complaints = '';

  constructor(bundle: ExampleBundle, options: SharedServerOptions) {
    this.child = spawn(process.execPath, [bundle.file], {
      env: { ...process.env, SHARED: JSON.stringify(options) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stdout, stderr } = this.child;
    if (stdout) {
      createInterface(stdout).on('line', (line) =>
        this.lines.push(JSON.parse(line) as SharedServerLine),
      ); // the program writes nothing else
    }
    stderr?.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
    this.ended = once(this.child, 'exit');
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Once it, and every worker, listens. */
  async listening(): Promise<Extract<SharedServerLine, { url: string }>> {
    const first = (): SharedServerLine | undefined =>
      this.lines.find((line) => 'error' in line || ('role' in line && line.role !== 'worker'));
    await eventually(() => first() !== undefined, 'a program that listens');
    const line = first();
    if (line && 'url' in line) return line;
    throw new Error(`it cannot listen: ${JSON.stringify(line)} ${this.complaints}`);
  }

  /** The ids of the workers that ever listened. */
  get workerIds(): readonly number[] {
    return this.lines.flatMap((line) =>
      'role' in line && line.role === 'worker' ? [line.pid] : [],
    );
  }
}

/** Asks whichever process answers. */
export async function ask(url: string, query: string): Promise<Record<string, unknown>> {
  const { json } = await sendHttp(url, { body: { query } });
  const { data } = json as { readonly data: Record<string, unknown> }; // of our program
  return data;
}

/** What each of the processes at `url` says, once all of `ids` were reached: each request has a connection of its own. */
export async function statsOf(
  url: string,
  ids: readonly number[],
): Promise<readonly ProcessStats[]> {
  const found = new Map<number, ProcessStats>();
  while (ids.some((id) => !found.has(id))) {
    const { stats } = await ask(url, '{ stats }');
    const said = JSON.parse(String(stats)) as ProcessStats; // of our program
    found.set(said.pid, said);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}
