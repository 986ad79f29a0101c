import type { Operations } from 'millrace/client';
import { expect, it } from 'vitest';

import { carryOperation } from '../../src/links/carry-operation.ts';

it('an answer that is outdated when it comes is given, and asked for again', async () => {
  const underWay = new Set<() => void>();
  let asked = 0;
  const client = {
    query: async () => {
      asked += 1;
      if (asked < 4) for (const outdate of underWay) outdate();
      return { data: { asked } };
    },
  } as Partial<Operations> as Operations; // nothing else is called
  const heard: unknown[] = [];
  await new Promise<void>((resolve) => {
    carryOperation(
      client,
      {
        kind: 'query',
        options: { query: '{ asked }', variables: {} },
        watcher: { onState() {}, onMissed() {} },
        underWay,
        report: (error) => heard.push(error),
      },
      {
        next: ({ data }) => heard.push(data),
        error: (failure) => heard.push(failure),
        complete: resolve,
      },
    );
  });
  await new Promise((resolve) => void setImmediate(resolve));

  expect(heard).toEqual([{ asked: 1 }, { asked: 2 }, { asked: 3 }, { asked: 4 }]);
  expect(underWay.size).toBe(0);
});
