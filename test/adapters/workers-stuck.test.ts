import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { SharedProgram, ask, eventually, processPatienceMs } from '../support/shared-processes.ts';
import type { SharedServerOptions } from '../support/shared-server.ts';
import { consume } from '../support/watched-client.ts';

let bundle: ExampleBundle;
beforeAll(async () => {
  bundle = await bundleExample(new URL('../support/shared-server.ts', import.meta.url).href);
}, 60_000);
afterAll(() => bundle.remove());

const oneWorker = { workers: { count: 1, localEvents: 'accepted' } } as const;

/** One process that serves, with a client whose operations never end. */
async function startBusy(options: SharedServerOptions) {
  const program = new SharedProgram(bundle, options);
  const { url } = await program.listening();
  const client = createClient({ url, transport: websocket(), retry: false });
  onTestFinished(() => client.close());
  const consumer = consume(client.subscribe({ query: 'subscription { endless }' }));
  consume(client.subscribe({ query: '{ never }' }));
  await eventually(() => consumer.rest.length > 0, 'an event');
  return { program, url };
}

/** One worker with such a client. */
async function startStuck(options: SharedServerOptions) {
  const { program, url } = await startBusy({ ...oneWorker, ...options });
  await eventually(() => program.workerIds.length === 1, 'the worker');
  return { program, url, pid: program.workerIds[0] ?? 0 };
}

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
}

describe('a process whose operations never end', { timeout: processPatienceMs }, () => {
  it('ends nevertheless when it gets SIGTERM', async () => {
    const { program } = await startBusy({});

    program.child.kill('SIGTERM');

    expect(await program.ended).toEqual([0, null]);
  });
});

describe('a worker that does not come to its end', { timeout: processPatienceMs }, () => {
  it.each([
    ['its event loop is blocked', 'blocked'],
    ['its program goes on', 'busy'],
  ] as const)('is replaced after SIGTERM, and killed: %s', async (_, stuck) => {
    const { program, url, pid } = await startStuck({ stuck });

    process.kill(pid, 'SIGTERM');
    await eventually(() => program.workerIds.length === 2, 'a worker in its place');
    const { stats } = await ask(url, '{ stats }');

    expect(JSON.parse(String(stats))).toMatchObject({ pid: program.workerIds[1] });
    await eventually(() => isGone(pid), 'its end');
    expect([program.complaints, program.workerIds.length]).toEqual(['', 2]);
  });

  it('has the time of the drain that runs when it gets SIGTERM, whoever began that', async () => {
    const { program, pid } = await startStuck({ ownWindowMs: 60_000 });
    process.kill(pid, 'SIGUSR2');
    await eventually(() => program.lines.some((line) => 'draining' in line), 'its own drain');

    process.kill(pid, 'SIGTERM');

    await eventually(() => program.lines.some((line) => 'leavingOver' in line), 'its leaving');
    expect(program.lines).toContainEqual({ leavingOver: 60_000 });
  });

  it('does not keep the primary from its own', async () => {
    const { program, pid } = await startStuck({ stuck: 'blocked' });

    program.child.kill('SIGTERM');

    expect(await program.ended).toEqual([0, null]);
    expect(isGone(pid)).toBe(true);
  });

  it('has the time that a drain has, however long its window is', async () => {
    const program = new SharedProgram(bundle, { ...oneWorker, windowMs: 2 ** 31 });
    const { url } = await program.listening();
    const answer = ask(url, '{ late }');
    await eventually(() => program.lines.some((line) => 'begun' in line), 'the request');

    program.child.kill('SIGTERM');

    expect(await answer).toEqual({ late: 'came' });
    expect(await program.ended).toEqual([0, null]);
  });
});
