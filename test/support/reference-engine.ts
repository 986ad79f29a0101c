import { vi } from 'vitest';

import type * as EngineNames from '../../src/execution/engine-name.ts';

// servers that name no engine get the one that leaves execution to graphql-js
vi.mock('../../src/execution/engine-name.ts', async (importOriginal) => {
  const original = await importOriginal<typeof EngineNames>();
  const toEngine: typeof EngineNames.toEngine = (engine, limits) =>
    original.toEngine(engine ?? 'reference', limits);
  return { ...original, toEngine };
});
