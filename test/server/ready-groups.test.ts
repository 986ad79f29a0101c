import { expect, it } from 'vitest';

import { ReadyGroups } from '../../src/server/sharing/ready-groups.ts';

it('groups that are ready run after the code that made them so, in their order', async () => {
  const groups = new ReadyGroups();
  const log: string[] = [];
  for (const name of ['one', 'two']) groups.add({ run: () => log.push(name) });
  log.push('published');

  await Promise.resolve();

  expect(log).toEqual(['published', 'one', 'two']);
});

it('all of them run in one microtask, those that become ready meanwhile too', async () => {
  const groups = new ReadyGroups();
  const log: string[] = [];
  const third = { run: () => log.push('three') };
  groups.add({
    run: () => {
      log.push('one');
      groups.add(third);
      void Promise.resolve().then(() => log.push('microtask'));
    },
  });
  groups.add({ run: () => log.push('two') });

  await Promise.resolve();
  await Promise.resolve();
  expect(log).toEqual(['one', 'two', 'three', 'microtask']);

  groups.add(third);
  await Promise.resolve();
  expect(log.at(-1)).toBe('three');
});
