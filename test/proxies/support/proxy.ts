import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import { proxyPaths } from './proxy-paths.ts';

/** What a test sets besides what the documented configuration has. */
export interface ProxyOptions {
  /** The port of the server on 127.0.0.1. */
  readonly serverPort: number;
  /** Silence after which the proxy ends a stream or socket; the proxy's own default without it. */
  readonly idleMs: number | undefined;
  /** What clients speak to the proxy, without TLS; HTTP/1.1 without it. */
  readonly clientsSpeak: 'h2' | undefined;
  /** Changes the text of the configuration. */
  readonly change: ((configuration: string) => string) | undefined;
}

/** A proxy that runs until the end of the test. */
export interface RunningProxy {
  /** URL of the GraphQL path as clients see it. */
  readonly url: string;
}

interface Written extends ProxyOptions {
  readonly folder: string;
  readonly port: number;
}

interface Launch {
  readonly executable: string;
  readonly parameters: readonly string[];
}

const writers = { nginx: writeNginx, haproxy: writeHaproxy } as const satisfies Record<
  string,
  (written: Written) => Promise<Launch>
>;

/** The name of a proxy that can be started. */
export type ProxyName = keyof typeof writers;

/** Starts a proxy with the configuration of `docs/proxies.md`, addresses aside. */
export async function startProxy(name: ProxyName, options: ProxyOptions): Promise<RunningProxy> {
  const folder = await mkdtemp(path.join(tmpdir(), `millrace-${name}-`));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const { executable, parameters } = await writers[name]({ ...options, folder, port });
  const child = spawn(executable, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => stop(child));
  await listening(child, port);
  return { url: `http://127.0.0.1:${port}/graphql` };
}

async function readConfiguration(file: string, written: Written): Promise<string> {
  const { port, serverPort, change = (text) => text } = written;
  const documented = await readFile(new URL(`../${file}`, import.meta.url), 'utf8');
  return change(
    documented
      // in one pass: the port that was put in may begin with the digits of the other
      .replaceAll(
        /127\.0\.0\.1:(8080|4000)\b/g,
        (_, documentedPort) => `127.0.0.1:${documentedPort === '8080' ? port : serverPort}`,
      ),
  );
}

async function writeNginx(written: Written): Promise<Launch> {
  const { folder, idleMs, clientsSpeak } = written;
  const configuration = await readConfiguration('nginx.conf', written);
  const site =
    clientsSpeak === 'h2' ? configuration.replace(/(listen [\d.:]+)/, '$1 http2') : configuration;
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // what Debian's nginx.conf sets about streams, and what a process needs that writes nowhere but to its folder
  const main = `
    user root;
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      gzip on;
      ${temporaryPaths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${idleMs === undefined ? '' : `proxy_read_timeout ${idleMs}ms;`}
      include ${folder}/site.conf;
    }
  `;
  await writeFile(path.join(folder, 'site.conf'), site);
  await writeFile(path.join(folder, 'nginx.conf'), main);
  return {
    executable: proxyPaths.nginx,
    parameters: ['-g', 'daemon off;', '-e', 'stderr', '-c', `${folder}/nginx.conf`, '-p', folder],
  };
}

async function writeHaproxy(written: Written): Promise<Launch> {
  const { folder, idleMs, clientsSpeak } = written;
  const configuration = await readConfiguration('haproxy.cfg', written);
  const spoken =
    clientsSpeak === 'h2' ? configuration.replace(/(bind [\d.:]+)/, '$1 proto h2') : configuration;
  const timed =
    idleMs === undefined
      ? spoken
      : spoken.replaceAll(/timeout (client|server) .*/g, `timeout $1 ${idleMs}ms`);
  const file = path.join(folder, 'haproxy.cfg');
  await writeFile(file, timed);
  return { executable: proxyPaths.haproxy, parameters: ['-db', '-f', file] };
}

async function findFreePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo; // it listens on a port, not on a pipe
  holder.close();
  await once(holder, 'close');
  return port;
}

/** Resolves once something accepts connections on `port`. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let complaint = '';
  child.stdout?.resume();
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const failure = new AbortController();
  child.once('error', (error) => failure.abort(error));
  child.once('exit', () => failure.abort(new Error(`the proxy ended: ${complaint}`)));
  while (!(await accepts(port))) failure.signal.throwIfAborted();
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
