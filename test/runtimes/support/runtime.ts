import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

import type { Stage, StartStage } from '../../support/adapter-stage.ts';
import type { Command } from '../programs/control.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** The version that is installed of the package that brings a runtime. */
export function versionOf(name: string): string {
  const manifest = readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

/** What a runtime is started with. */
interface ProgramFiles {
  readonly bundle: string;
  /** Of workerd; names the bundle. */
  readonly configuration: string;
}

/** A runtime that runs a program of this folder. */
export class Runtime {
  readonly #process: ChildProcess;
  readonly #controlUrl: string;
  readonly #work: string;

  private constructor(process: ChildProcess, controlUrl: string, work: string) {
    this.#process = process;
    this.#controlUrl = controlUrl;
    this.#work = work;
  }

  /**
   * Bundles `programs/<program>.ts` with the sources, so that each runtime gets the same one file, and starts it.
   *
   * @param command - an executable that the packages here brought, and its arguments
   */
  static async start(
    program: string,
    command: (files: ProgramFiles) => readonly [string, ...string[]],
  ): Promise<Runtime> {
    const work = await mkdtemp(path.join(tmpdir(), 'millrace-runtime-'));
    const bundle = path.join(work, 'program.mjs');
    await writeFile(bundle, await bundleOf(program));
    const configuration = path.join(work, 'workers.capnp');
    await copyFile(path.join(folder, 'programs/workers.capnp'), configuration);
    const [executable, ...values] = command({ bundle, configuration });
    const child = spawn(path.join(folder, 'node_modules/.bin', executable), values, {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: work },
    });
    return new Runtime(child, toUrl(await firstLineOf(child)), work);
  }

  readonly startStage: StartStage = async (settings) => {
    const url = (await this.#tell('start', settings)) as string; // as the program answers it
    const tell = (name: Command['name']): Promise<never> => this.#tell(name) as Promise<never>; // likewise
    const stage: Stage = {
      url,
      app: {
        publish: (room, text) => this.#tell('publish', room, text),
        release: (name) => this.#tell('release', name),
        openSources: () => tell('openSources'),
      },
      gauges: () => tell('gauges'),
      counters: () => tell('counters'),
      closeServer: () => tell('closeServer'),
      end: () => tell('end'),
    };
    return stage;
  };

  async end(): Promise<void> {
    const hasEnded = this.#process.exitCode !== null || this.#process.signalCode !== null;
    const ended = hasEnded || once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    await rm(this.#work, { recursive: true });
  }

  async #tell(name: Command['name'], ...values: readonly unknown[]): Promise<unknown> {
    const command: Command = { name, values };
    const answer = await fetch(this.#controlUrl, { method: 'POST', body: JSON.stringify(command) });
    const { value, error } = (await answer.json()) as { value?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return value ?? undefined;
  }
}

async function bundleOf(program: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    // names of the package lead to its sources, as in the tests
    resolve: { tsconfigPaths: true },
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: {
        entry: path.join(folder, 'programs', `${program}.ts`),
        formats: ['es'],
        fileName: 'program',
      },
      rollupOptions: {
        external: [/^node:/, /^cloudflare:/],
        output: { codeSplitting: false },
      },
    },
  });
  const [bundle] = [built].flat();
  if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was bundled');
  return bundle.output[0].code;
}

/** A program says it, workerd the port alone. */
function toUrl(line: string): string {
  if (!line.startsWith('{')) return line;
  const { port } = JSON.parse(line) as { readonly port: number }; // as its manual has it
  return `http://127.0.0.1:${port}/`;
}

/** Where a program that was started takes commands: it says so in its first line. */
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
