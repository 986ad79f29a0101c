import { readFileSync } from 'node:fs';

import type { Stage, StartStage } from '../../support/adapter-stage.ts';
import type { Command } from '../programs/control.ts';
import type { Program, RuntimeCommand } from './program.ts';
import { startProgram } from './program.ts';

/** The version that is installed of the package that brings a runtime. */
export function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

/** A runtime with a program that takes commands. */
export class Runtime {
  readonly #program: Program;
  readonly #controlUrl: string;

  private constructor(program: Program) {
    this.#program = program;
    this.#controlUrl = urlIn(program.line);
  }

  /** Has `programs/<name>.ts` run. */
  static async start(name: string, command: RuntimeCommand): Promise<Runtime> {
    return new Runtime(await startProgram(`programs/${name}.ts`, command));
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

  end(): Promise<void> {
    return this.#program.end();
  }

  async #tell(name: Command['name'], ...values: readonly unknown[]): Promise<unknown> {
    const command: Command = { name, values };
    const answer = await fetch(this.#controlUrl, { method: 'POST', body: JSON.stringify(command) });
    const { value, error } = (await answer.json()) as { value?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return value ?? undefined;
  }
}

/** Where a program listens: it says its URL, workerd the port. */
export function urlIn(line: string): string {
  const port = /"port":(\d+)/.exec(line)?.[1];
  const url = port === undefined ? /http:\S+/.exec(line)?.[0] : `http://127.0.0.1:${port}/`;
  if (url === undefined) throw new Error(`no URL in: ${line}`);
  return url;
}
