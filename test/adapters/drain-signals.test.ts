import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { sendHttp } from '../support/http-client.ts';
import type { SignalledOptions } from '../support/signalled-server.ts';
import { connectSocket } from '../support/socket-client.ts';
import type { SocketClient } from '../support/socket-client.ts';
import { until } from '../support/waiting.ts';

let bundle: ExampleBundle;
beforeAll(async () => {
  bundle = await bundleExample(new URL('../support/signalled-server.ts', import.meta.url).href);
}, 60_000);
afterAll(() => bundle.remove());

interface Program {
  readonly url: string;
  readonly child: ChildProcess;
  /** Exit code and signal. */
  readonly ended: Promise<readonly unknown[]>;
  /** What it complained about. */
  readonly complaints: () => string;
}

/** Starts a program that listens. */
async function start(options: SignalledOptions): Promise<Program> {
  const child = spawn(process.execPath, [bundle.file], {
    env: { ...process.env, SIGNALLED: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, ended, url: line.toString().trim(), complaints: () => complaints };
}

/** A socket that is acknowledged. */
async function connect({ url }: Program): Promise<SocketClient> {
  const client = await connectSocket(url, 'graphql-transport-ws');
  client.send('{"type":"connection_init"}');
  await client.next();
  return client;
}

async function isRefusing({ url }: Program): Promise<boolean> {
  const { status } = await sendHttp(url, { body: { query: '{ hello }' } });
  return status === 503;
}

async function refusing(program: Program): Promise<void> {
  let isThere = false;
  const ask = async (): Promise<void> => {
    isThere = await isRefusing(program);
    if (!isThere) await ask();
  };
  void ask();
  await until(() => isThere, 'a server that drains');
}

const restart = { kind: 'close', code: 1012, reason: 'Service restart' };

describe('a program that listens', () => {
  it('answers what runs, tells its clients to come back, and ends by itself on SIGTERM', async () => {
    const program = await start({ windowMs: 300 });
    const [asking, idle] = [await connect(program), await connect(program)];
    asking.send('{"id":"1","type":"subscribe","payload":{"query":"{ slow }"}}');
    await asking.rest();

    program.child.kill('SIGTERM');
    expect(await idle.next()).toEqual(restart);
    program.child.kill('SIGUSR2');

    expect(await asking.next()).toMatchObject({ message: { payload: { data: { slow: 'late' } } } });
    expect(await asking.next()).toMatchObject({ message: { type: 'complete' } });
    expect(await asking.next()).toEqual(restart);
    expect(await program.ended).toEqual([0, null]);
    expect(program.complaints()).toBe('');
  });

  it('closes at once on a second SIGTERM, and ends by itself', async () => {
    const program = await start({ windowMs: 60_000 });
    const client = await connect(program);

    program.child.kill('SIGTERM');
    await refusing(program);
    program.child.kill('SIGTERM');

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    expect(await program.ended).toEqual([0, null]);
  });

  it('drains on the signals that it names, and on no others', async () => {
    const program = await start({ windowMs: 100, drainOnSignals: ['SIGINT'] });
    const client = await connect(program);

    program.child.kill('SIGINT');

    expect(await client.next()).toEqual(restart);
    expect(await program.ended).toEqual([0, null]);
  });

  it.each([false, ['SIGINT']] as const)(
    'ends as any other program on SIGTERM with drainOnSignals: %j',
    async (drainOnSignals) => {
      const program = await start({ windowMs: 60_000, drainOnSignals });
      const client = await connect(program);

      program.child.kill('SIGTERM');

      expect(await client.next()).toMatchObject({ kind: 'close', code: 1006 });
      expect(await program.ended).toEqual([null, 'SIGTERM']);
    },
  );

  it('that has something else to do, and no listener of its own, ends by the signal when it is drained', async () => {
    const program = await start({ windowMs: 100, isOccupied: true });
    const client = await connect(program);

    program.child.kill('SIGTERM');

    expect(await client.next()).toEqual(restart);
    expect(await program.ended).toEqual([null, 'SIGTERM']);
  });

  it('that listens for the signal itself decides how it ends', async () => {
    const program = await start({ windowMs: 100, isOccupied: true, listensItself: true });
    const client = await connect(program);

    program.child.kill('SIGTERM');

    expect(await client.next()).toEqual(restart);
    expect(await program.ended).toEqual([0, null]);
  });
});
