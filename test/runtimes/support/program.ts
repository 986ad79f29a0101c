import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** How a runtime runs a program that is one file. */
export interface RuntimeCommand {
  /** Of the packages here, or a path. */
  readonly executable: string;
  /** Before the name of the file. */
  readonly values: readonly string[];
  /** The configuration of workerd, relative to this folder, in place of the file that it embeds. */
  readonly configuration?: string;
}

export const commands = {
  node: { executable: process.execPath, values: [] },
  bun: { executable: 'bun', values: ['run'] },
  deno: { executable: 'deno', values: ['run', '--allow-net', '--allow-env'] },
} as const satisfies Record<string, RuntimeCommand>;

/** Of workerd, which says in its first line where it listens. */
export function workerd(configuration: string): RuntimeCommand {
  return { executable: 'workerd', values: ['serve', '--control-fd=1'], configuration };
}

/** A program that a runtime runs. */
export interface Program {
  /** Its first line, which says where it listens. */
  readonly line: string;
  end(): Promise<void>;
}

/** Bundles `entry`, a path relative to this folder, with the sources, so that each runtime gets the same one file; and has it run. */
export async function startProgram(entry: string, command: RuntimeCommand): Promise<Program> {
  return startBundle(await bundleOf(entry), command);
}

/** Has a program run that is bundled already. */
export async function startBundle(code: string, command: RuntimeCommand): Promise<Program> {
  const work = await mkdtemp(path.join(tmpdir(), 'millrace-runtime-'));
  const file = path.join(work, 'program.js');
  await writeFile(file, code);
  await writeFile(path.join(work, 'package.json'), '{ "type": "module" }');
  const { executable, values, configuration } = command;
  const started =
    configuration === undefined
      ? file
      : await configure(configuration, path.join(work, 'workers.capnp'));
  const child = spawn(path.resolve(folder, 'node_modules/.bin', executable), [...values, started], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: work, PORT: '0' },
  });
  return {
    line: await firstLineOf(child),
    async end() {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      const ended = hasEnded || once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(work, { recursive: true });
    },
  };
}

/** Writes a configuration of workerd for the one file, on a free port. */
async function configure(configuration: string, to: string): Promise<string> {
  const text = await readFile(path.join(folder, configuration), 'utf8');
  await writeFile(
    to,
    text
      .replace(/embed "[^"]+"/, 'embed "program.js"')
      .replace(/address = "[^"]+"/, 'address = "127.0.0.1:0"'),
  );
  return to;
}

async function bundleOf(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    // names of the package lead to its sources, as in the tests
    resolve: { tsconfigPaths: true },
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry: path.join(folder, entry), formats: ['es'], fileName: 'program' },
      rollupOptions: { external: [/^node:/], output: { codeSplitting: false } },
    },
  });
  const [bundle] = [built].flat();
  if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was bundled');
  return bundle.output[0].code;
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('its output is not read');
  let complaints = '';
  // runtimes report each response that is cut off; nobody wants to read that
  stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-2_000);
  });
  for await (const line of createInterface(stdout)) return line;
  throw new Error(`the runtime ended before it listened: ${complaints}`);
}
