import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { buildExample } from '../../scripts/build-example.mjs';

const patienceMs = 60_000;
const retryMs = 100;

/** The cluster of the examples with everything that belongs to it, as `npm run example -- cluster` starts it. */
export class Cluster {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #changes = new EventEmitter();
  #printed = '';

  static async start(broker: string): Promise<Cluster> {
    const program = await buildExample('cluster');
    const port = await findFreePort();
    const child = spawn(process.execPath, [fileURLToPath(program), '--broker', broker], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const cluster = new Cluster(child, `http://127.0.0.1:${port}/`);
    await cluster.#untilPrinted(/Cluster ready/);
    return cluster;
  }

  private constructor(child: ChildProcess, url: string) {
    this.url = url;
    this.#process = child;
    child.once('exit', () => this.#changes.emit('change'));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#printed += chunk.toString();
        this.#changes.emit('change');
      });
    }
  }

  /** What can be killed: the broker, the servers and the balancer. */
  get processes(): readonly string[] {
    const [, list = ''] = /Kill any of them: (.+)/.exec(this.#printed) ?? [];
    return list.split(', ').map((each) => each.replace(/ \d+$/, ''));
  }

  /** Ends a process as `kill -9` does; resolves once another one was started in its place. */
  async kill(name: string): Promise<void> {
    const pid = this.#pidOf(name);
    process.kill(pid, 'SIGKILL');
    await this.#untilPrinted(new RegExp(`${name}: ${pid} ended \\(SIGKILL\\)`));
  }

  /** Has a server leave; resolves once it has, by itself, and another one was started in its place. */
  async drain(name: string): Promise<void> {
    const pid = this.#pidOf(name);
    process.kill(pid, 'SIGTERM');
    await this.#untilPrinted(new RegExp(`${name}: ${pid} ended \\(code 0\\)`));
  }

  /** Publishes through any server, as often as it takes until one says that the broker has it. */
  async publish(publisher: string, sequence: number): Promise<void> {
    const text = `${publisher} ${sequence}`;
    const query =
      'mutation ($publisher: ID!, $sequence: Int!, $text: String!) { publish(publisher: $publisher, sequence: $sequence, text: $text) { pid } }';
    const body = JSON.stringify({ query, variables: { publisher, sequence, text } });
    for (;;) {
      const answer = await fetch(new URL('graphql', this.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(5_000),
      })
        .then((response) => response.text())
        .catch(String);
      if (answer.includes('"publish":{"pid"')) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  /** What Ctrl-C does; the exit code. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      await ended;
    }
    return this.#process.exitCode;
  }

  #pidOf(name: string): number {
    const pids = this.#printed.matchAll(
      new RegExp(`\\b${name} (\\d+)|${name}: .*, (\\d+) takes its place`, 'g'),
    );
    const [, first, later] = [...pids].at(-1) ?? [];
    return Number(first ?? later);
  }

  async #untilPrinted(text: RegExp): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    while (!text.test(this.#printed)) {
      if (this.#process.exitCode !== null) throw new Error(`the cluster ended: ${this.#printed}`);
      await once(this.#changes, 'change', { signal });
    }
  }
}

async function findFreePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo; // it listens on a port, not on a pipe
  holder.close();
  await once(holder, 'close');
  return port;
}
