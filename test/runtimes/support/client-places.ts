import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { bundleForBrowsers } from './client-package.ts';
import type { InstalledProgram } from './client-package.ts';
import type { ClientPlace, ClientRun } from './client-visit.ts';
import { commands, startBundle, workerd } from './program.ts';
import type { RuntimeCommand } from './program.ts';
import { urlIn, versionOf } from './runtime.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** A newer Node than the oldest that is supported, where its package has one for this machine. */
const newerNode = `node-${process.platform}-${process.arch}`;
export const hasNewerNode = existsSync(path.join(folder, 'node_modules', newerNode));

/** The runtimes that run a program, each with both implementations of WebSocket that it has, in the order of the table. */
export function processPlaces(installed: () => InstalledProgram): readonly ClientPlace[] {
  const place = (
    name: string,
    command: RuntimeCommand,
    implementation: 'own' | 'of ws' = 'of ws',
  ): ClientPlace => ({
    name,
    open: (origin) => run(installed(), command, [origin, implementation]),
  });
  return [
    place('Node', commands.node),
    ...(hasNewerNode
      ? [
          place(`Node ${versionOf(newerNode)}`, newer),
          place(`Node ${versionOf(newerNode)}, its WebSocket`, newer, 'own'),
        ]
      : []),
    place(`Bun ${versionOf('bun')}`, commands.bun),
    place(`Bun ${versionOf('bun')}, its WebSocket`, commands.bun, 'own'),
    place(`Deno ${versionOf('deno')}`, commands.deno),
    place(`Deno ${versionOf('deno')}, its WebSocket`, commands.deno, 'own'),
  ];
}

const newer = { executable: 'node', values: [] } as const satisfies RuntimeCommand;

/** The runtime of Cloudflare Workers. */
export const workerPlace: ClientPlace = {
  name: `workerd ${versionOf('workerd')}`,
  async open(origin) {
    const program = await startBundle(
      await bundleForBrowsers('client-worker'),
      workerd('programs/client-worker.capnp'),
    );
    let complaint = '';
    // the server is told how it goes; this answer comes when all is over
    fetch(urlIn(program.line), { method: 'POST', body: origin }).then(
      async (answer) => {
        complaint = answer.ok ? '' : await answer.text();
        return answer;
      },
      (error: unknown) => {
        complaint = String(error);
      },
    );
    return { complaints: () => complaint, end: () => program.end() };
  },
};

function run(
  { folder: cwd, file }: InstalledProgram,
  { executable, values }: RuntimeCommand,
  more: readonly string[],
): Promise<ClientRun> {
  const child = spawn(
    path.resolve(folder, 'node_modules/.bin', executable),
    [...values, file, ...more],
    { cwd, stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], HOME: cwd } },
  );
  const exited = once(child, 'exit').then(([code]) => code as number | null); // as Node emits it
  const complaints = complaintsOf(child);
  return Promise.resolve({
    exited,
    complaints,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  });
}

/** The end of what `child` writes to its standard error. */
export function complaintsOf(child: Pick<ChildProcess, 'stderr'>): () => string {
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000);
  });
  return () => complaints;
}
