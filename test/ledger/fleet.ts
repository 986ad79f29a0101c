import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

import type { ResumeKey } from 'millrace/server';
import { startTcpProxy } from 'millrace/testing/node';
import type { TcpProxy } from 'millrace/testing/node';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { backplanes } from './backplanes/index.ts';
import type { Backplane, Persistence } from './backplanes/types.ts';
import type { BrokerSettings, SharedBrokerName } from './brokers.ts';
import { reloadSignal } from './server-settings.ts';
import type { Liveness, ServerSettings } from './server-settings.ts';

/** The server program as two installations have it: each with its own copy of the package, perhaps of another version, and its own major version of graphql. */
export class Programs {
  readonly #bundles: readonly ExampleBundle[];

  /** `earlier` is the folder of a checkout: the third process is of that version. */
  static async build(earlier?: string): Promise<Programs> {
    const url = new URL('server-program.ts', import.meta.url).href;
    const other = { graphql: 'graphql-16', ...(earlier !== undefined && { checkout: earlier }) };
    return new Programs(await Promise.all([bundleExample(url), bundleExample(url, other)]));
  }

  private constructor(bundles: readonly ExampleBundle[]) {
    this.#bundles = bundles;
  }

  /** Of three processes the third has the older graphql. */
  fileFor(index: number): string {
    const bundle = this.#bundles[index % 3 === 2 ? 1 : 0];
    if (!bundle) throw new Error('nothing was built');
    return bundle.file;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#bundles.map((bundle) => bundle.remove()));
  }
}

/** What events are kept in: the memory of the one server process, or a program of its own. */
export type Store =
  | { readonly broker: 'memory' }
  | { readonly broker: SharedBrokerName; readonly keeps: Persistence };

/** Options of {@link Fleet.start}. */
export interface FleetOptions {
  readonly programs: Programs;
  readonly store: Store;
  /** How long servers wait for the backplane. */
  readonly timeoutMs: number;
  readonly liveness: Liveness;
}

export const firstKey: ResumeKey = {
  id: 'first',
  secret: 'the first of the secrets of the ledger',
};
export const secondKey: ResumeKey = {
  id: 'second',
  secret: 'the second secret of the same ledger',
};

/** Server processes over one backplane, or one with the events in its memory. */
export class Fleet {
  readonly backplane: Backplane | undefined;
  /** For whoever reads or publishes beside the servers; none where the events are in the memory of one. */
  readonly brokerSettings: BrokerSettings | undefined;
  readonly servers: readonly ServerProcess[];
  #turn = 0;

  static async start({ programs, store, ...options }: FleetOptions): Promise<Fleet> {
    if (store.broker === 'memory') {
      const file = programs.fileFor(0);
      return new Fleet([await ServerProcess.start({ ...options, file, shared: undefined })]);
    }
    const backplane = await backplanes[store.broker].start(store.keeps);
    const shared: Shared = { broker: store.broker, backplane };
    const servers = await Promise.all(
      [0, 1, 2].map((index) =>
        ServerProcess.start({ ...options, file: programs.fileFor(index), shared }),
      ),
    );
    return new Fleet(servers, backplane, toSettings(shared, backplane.port, options.timeoutMs));
  }

  private constructor(
    servers: readonly ServerProcess[],
    backplane?: Backplane,
    brokerSettings?: BrokerSettings,
  ) {
    this.servers = servers;
    this.backplane = backplane;
    this.brokerSettings = brokerSettings;
  }

  /** Where the next connection goes: each server in turn, whether it lives or not. */
  readonly nextUrl = (): string => {
    this.#turn += 1;
    return this.server(this.#turn).url;
  };

  server(index: number): ServerProcess {
    const server = this.servers[index % this.servers.length];
    if (!server) throw new Error('there is no server');
    return server;
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
    await this.backplane?.close();
  }
}

/** A backplane, and which broker it is for. */
interface Shared {
  readonly broker: SharedBrokerName;
  readonly backplane: Backplane;
}

function toSettings(
  { broker, backplane }: Shared,
  port: number,
  timeoutMs: number,
): BrokerSettings {
  return { kind: broker, url: backplane.urlAt(port), timeoutMs };
}

interface ServerProcessOptions extends Pick<FleetOptions, 'timeoutMs' | 'liveness'> {
  readonly file: string;
  readonly shared: Shared | undefined;
}

interface ServerProcessParts {
  readonly file: string;
  readonly toBackplane: TcpProxy | undefined;
  readonly settings: ServerSettings;
}

/** One server, with a proxy before it and another between it and the backplane. */
export class ServerProcess {
  readonly toBackplane: TcpProxy | undefined;
  readonly #file: string;
  #settings: ServerSettings;
  #child: ChildProcess | undefined;
  #complaints = '';
  /** Whether it is meant to run. */
  #isWanted = false;
  #proxy: TcpProxy | undefined;

  static async start({
    file,
    shared,
    timeoutMs,
    liveness,
  }: ServerProcessOptions): Promise<ServerProcess> {
    const toBackplane = shared && (await startTcpProxy({ port: shared.backplane.port }));
    const broker: BrokerSettings =
      shared && toBackplane ? toSettings(shared, toBackplane.port, timeoutMs) : { kind: 'memory' };
    const server = new ServerProcess({
      file,
      toBackplane,
      settings: {
        port: 0,
        broker,
        keys: [firstKey],
        outboxHighWaterBytes: 65_536,
        drainWindowMs: 500,
        liveness,
      },
    });
    await server.start();
    return server;
  }

  private constructor({ file, toBackplane, settings }: ServerProcessParts) {
    this.#file = file;
    this.toBackplane = toBackplane;
    this.#settings = settings;
  }

  /** What clients go through. */
  get proxy(): TcpProxy {
    if (!this.#proxy) throw new Error('the server was never started');
    return this.#proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.proxy.port}/graphql`;
  }

  /** Past the proxy, for whoever is no client. */
  get directUrl(): string {
    return `http://127.0.0.1:${this.#settings.port}/graphql`;
  }

  /** What it wrote to its standard error, and whether it ended by itself. */
  get complaints(): string {
    return this.#complaints;
  }

  /** Starts it, again on the same port, perhaps with other settings than before. */
  async start(changed: Partial<ServerSettings> = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...changed };
    const child = spawn(process.execPath, [this.#file], {
      env: { ...process.env, LEDGER_SERVER: JSON.stringify(this.#settings) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#isWanted = true;
    child.once('exit', (code, signal) => {
      if (this.#isWanted) this.#complaints += `ended by itself: ${code ?? signal}\n`;
    });
    child.stderr.on('data', (chunk: Buffer) => (this.#complaints += chunk.toString()));
    const exit = once(child, 'exit').then(() => undefined);
    const line = await Promise.race([once(child.stdout, 'data'), exit]);
    if (line === undefined) throw new Error(`a server did not start: ${this.#complaints}`);
    const port = Number(line);
    this.#settings = { ...this.#settings, port };
    this.#proxy ??= await startTcpProxy({ port });
  }

  /** Ends it at once. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Drains it; resolves once the process has ended. */
  drain(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Stops the process, with everything open. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  reloadSchema(): void {
    this.#child?.kill(reloadSignal);
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#proxy?.close();
    await this.toBackplane?.close();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}
