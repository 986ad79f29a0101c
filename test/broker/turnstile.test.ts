import { setImmediate as turn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { Turnstile } from '../../src/broker/remote/turnstile.ts';

interface Task {
  end: () => void;
  fail: (error: Error) => void;
}

/** A task that ends when the test says so. */
function startTask(turnstile: Turnstile, name: string, log: string[]) {
  const task: Task = { end: () => {}, fail: () => {} };
  const ending = new Promise<void>((resolve, reject) => {
    task.end = resolve;
    task.fail = reject;
  });
  const outcome = turnstile.pass(() => {
    log.push(name);
    return ending;
  });
  return { task, outcome };
}

describe('a turnstile', () => {
  it('lets in as many as there are places, and one for each who leaves, in their order', async () => {
    const turnstile = new Turnstile(2);
    const log: string[] = [];
    const [a, b] = ['a', 'b', 'c', 'd'].map((name) => startTask(turnstile, name, log));
    expect(log).toEqual(['a', 'b']);

    b?.task.end();
    await b?.outcome;
    await turn();
    expect(log).toEqual(['a', 'b', 'c']);

    a?.task.end();
    await a?.outcome;
    await turn();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
  });

  it('lets in all who wait when somebody fails', async () => {
    const turnstile = new Turnstile(1);
    const log: string[] = [];
    const [a] = ['a', 'b', 'c'].map((name) => startTask(turnstile, name, log));

    a?.task.fail(new Error('away'));
    await expect(a?.outcome).rejects.toThrow('away');
    await turn();

    expect(log).toEqual(['a', 'b', 'c']);
  });
});
