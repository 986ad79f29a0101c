import { once } from 'node:events';
import { createServer as createNetServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { listen } from 'millrace/adapters/node';
import type { Workers } from 'millrace/adapters/node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { Restarts } from '../../src/adapters/workers/restarts.ts';
import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { createFixtureServer } from '../support/create-fixture-server.ts';
import { SharedProgram, ask, eventually, processPatienceMs } from '../support/shared-processes.ts';

let bundle: ExampleBundle;
beforeAll(async () => {
  bundle = await bundleExample(new URL('../support/shared-server.ts', import.meta.url).href);
}, 60_000);
afterAll(() => bundle.remove());

describe('what replaces a worker that ended', () => {
  const options = {
    restarts: 3,
    minUptimeMs: 10_000,
    minRestartDelayMs: 500,
    maxRestartDelayMs: 1_500,
  };

  it('comes at once after one that lived long enough', () => {
    const restarts = new Restarts(options);

    expect([10_000, 86_400_000, 10_000].map((uptimeMs) => restarts.ended(uptimeMs))).toEqual([
      0, 0, 0,
    ]);
  });

  it('comes after pauses that double, up to a bound, and then not at all', () => {
    const restarts = new Restarts(options);

    expect([0, 9_999, 1, 1].map((uptimeMs) => restarts.ended(uptimeMs))).toEqual([
      500,
      1_000,
      1_500,
      undefined,
    ]);
  });

  it('counts anew after one that lived long enough', () => {
    const restarts = new Restarts(options);
    restarts.ended(0);
    restarts.ended(0);
    restarts.ended(10_000);

    expect(restarts.ended(0)).toBe(500);
  });

  it('waits for longer after one that never listened, too', () => {
    const restarts = new Restarts({ ...options, minUptimeMs: 0 });

    expect([undefined, undefined, 0, undefined].map((each) => restarts.ended(each))).toEqual([
      500, 1_000, 0, 500,
    ]);
  });
});

describe('workers', { timeout: processPatienceMs }, () => {
  it('that would not hear of each other’s events are refused before any is started', async () => {
    const program = new SharedProgram(bundle, { workers: { count: 2 } });

    expect(await program.ended).toEqual([1, null]);
    expect(program.lines).toEqual([{ error: { name: 'LocalBrokerError', code: 'LOCAL_BROKER' } }]);
  });

  it.each([
    ['one alone', { count: 1 }],
    ['those that are meant to', { count: 2, localEvents: 'accepted' }],
  ] as const)('may keep events to themselves: %s', async (_, workers) => {
    const program = new SharedProgram(bundle, { workers });

    const { url, role } = await program.listening();

    expect(role).toBe('primary');
    await eventually(() => program.workerIds.length === workers.count, 'each worker');
    const { stats } = await ask(url, '{ stats }');
    expect(program.workerIds).toContain(JSON.parse(String(stats)).pid);
  });

  it('that end before they listen are not started again: listening fails', async () => {
    const program = new SharedProgram(bundle, { workers: { count: 1 }, fails: true });

    expect(await program.ended).toEqual([1, null]);
    expect(program.lines).toEqual([{ error: { name: 'Error' } }]);
  });

  it('that never come to listen are killed, which counts as an end that comes too soon', async () => {
    const program = new SharedProgram(bundle, {
      workers: {
        count: 1,
        localEvents: 'accepted',
        startTimeoutMs: 8_000,
        minUptimeMs: 0,
        restarts: 0,
      },
      listeners: 1,
    });
    const { url } = await program.listening();

    await expect(ask(url, 'mutation { crash(text: "") }')).rejects.toThrow();

    expect((await program.ended)[0]).toBe(1);
    expect(program.complaints.match(/ended \(.*/g)).toEqual([
      'ended (SIGKILL), another starts in 0 ms',
      'ended (SIGKILL), no other starts',
    ]);
  });

  it('that never come to listen make listening fail if they are the first', async () => {
    const program = new SharedProgram(bundle, {
      workers: { count: 1, startTimeoutMs: 500 },
      listeners: 0,
    });

    expect(await program.ended).toEqual([1, null]);
    expect(program.lines).toEqual([{ error: { name: 'Error' } }]);
  });

  it('end when their primary is killed', async () => {
    const program = new SharedProgram(bundle, {
      workers: { count: 2, localEvents: 'accepted' },
    });
    await program.listening();
    await eventually(() => program.workerIds.length === 2, 'both workers');
    // what they write goes through one pipe, which ends with the last of them
    const silence = once(program.child, 'close');

    program.child.kill('SIGKILL');

    expect(await program.ended).toEqual([null, 'SIGKILL']);
    expect(await silence).toEqual([null, 'SIGKILL']);
    expect(program.complaints).toBe('');
  });

  it('may be tried again if the system has no port for them', async () => {
    const { server } = createFixtureServer();
    const nowhere = { host: '192.0.2.1', port: 0, workers: { count: 1 } };

    for (let i = 0; i < 2; i += 1)
      await expect(listen(server, nowhere)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('that cannot have the port make listening fail with the error of the system', async () => {
    const other = createNetServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo; // it listens on a port

    const program = new SharedProgram(bundle, { port, workers: { count: 1 } });

    expect((await program.ended)[0]).toBe(1);
    expect(program.lines).toContainEqual({ error: { name: 'Error', code: 'EADDRINUSE' } });
  });

  it.each([
    [0, '`workers` is a whole number from 1 on'],
    [1.5, '`workers` is a whole number from 1 on'],
    [{ count: 1, restarts: -1 }, 'workers.restarts must be a number'],
    [{ count: 1, minUptimeMs: Number.NaN }, 'workers.minUptimeMs must be a number'],
  ] satisfies readonly (readonly [Workers, string])[])('are no %j', async (workers, message) => {
    const { server } = createFixtureServer();

    await expect(listen(server, { workers })).rejects.toThrow(message);
  });

  it('are not started for a drain that is none', async () => {
    const { server } = createFixtureServer();
    const options = { workers: { count: 1 }, drain: { windowMs: -1 } };

    await expect(listen(server, options)).rejects.toThrow('windowMs must be a number');
  });
});
