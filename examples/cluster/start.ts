import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { brokerOf } from './brokers/index.ts';
import { SupervisedProcess } from './supervised-process.ts';
import type { Command } from './supervised-process.ts';

const { PORT = '4000', BROKER_URL, HAPROXY_PATH = '/usr/sbin/haproxy' } = process.env;
const serverNames = ['server-1', 'server-2', 'server-3'];

const running: SupervisedProcess[] = [];
const folder = mkdtempSync(path.join(tmpdir(), 'millrace-cluster-'));
// a broker that runs as somebody else has to get to its own folder in it
chmodSync(folder, 0o711);
let stopping: Promise<void> | undefined;
// npm passes on the signal that the terminal has sent to everyone already: one may come twice
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

try {
  await start();
} catch (error) {
  const isStopped = stopping !== undefined;
  await stop();
  if (!isStopped) {
    process.stderr.write(`The cluster cannot start: ${(error as Error).message}\n`); // only errors are thrown here
    process.exitCode = 1;
  }
}

async function start(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(process.argv[2] === 'cluster' ? 3 : 2),
    options: { broker: { type: 'string', default: 'redis' } },
  });
  await findFreePort(Number(PORT));
  const url = BROKER_URL ?? (await startBroker(values.broker));
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
  const ports = await Promise.all(serverNames.map(() => findFreePort()));
  for (const [i, name] of serverNames.entries()) {
    await run(name, ports[i] ?? 0, {
      file: process.execPath,
      words: [fileURLToPath(new URL('server.js', import.meta.url))],
      environment: {
        PORT: String(ports[i]),
        SERVER_NAME: name,
        BROKER: values.broker,
        BROKER_URL: url,
        RESUME_SECRET: secret,
      },
    });
  }
  await startBalancer(ports);
  const processes = running.map(({ name, pid }) => `${name} ${pid}`).join(', ');
  process.stdout.write(
    `Cluster ready: http://localhost:${PORT}/  Ctrl-C stops it.\nKill any of them: ${processes}\n`,
  );
}

async function startBroker(name: string): Promise<string> {
  const { title, urlOf, toCommand } = brokerOf(name);
  const kept = path.join(folder, name);
  mkdirSync(kept);
  const port = await findFreePort();
  await run(title, port, await toCommand(kept, port));
  return urlOf(port);
}

async function startBalancer(ports: readonly number[]): Promise<void> {
  const configuration = new URL('../../haproxy.cfg', import.meta.url);
  const servers = ports.map((port, i) => [`SERVER_${i + 1}`, `127.0.0.1:${port}`]);
  await run('HAProxy', Number(PORT), {
    file: HAPROXY_PATH,
    words: ['-db', '-f', fileURLToPath(configuration)],
    environment: { LISTEN: `127.0.0.1:${PORT}`, ...Object.fromEntries(servers) },
  });
}

async function run(name: string, port: number, command: Command): Promise<void> {
  const started = await SupervisedProcess.start({
    name,
    command,
    port,
    onRestart: (report) => process.stdout.write(`${report}\n`),
  });
  if (stopping) {
    await started.stop('SIGKILL');
    throw new Error('stopped while it started');
  }
  running.push(started);
}

/** The balancer first: nobody is sent to a server that ends. The broker, which was started first, has the last word. */
function stop(): Promise<void> {
  stopping ??= (async () => {
    for (const each of running.toReversed()) await each.stop('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  })();
  return stopping;
}

/** @throws an error for people if it is to be a certain one, and that is taken */
async function findFreePort(wanted = 0): Promise<number> {
  const holder = createServer().listen(wanted, '127.0.0.1');
  await once(holder, 'listening').catch((cause: unknown) => {
    throw new Error(`port ${wanted} is taken`, { cause });
  });
  const { port } = holder.address() as AddressInfo; // it listens on a port, not on a pipe
  holder.close();
  await once(holder, 'close');
  return port;
}
