import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { adapterContractAt, columns } from '../contract/adapter-contract.ts';
import type { StartStage } from '../support/adapter-stage.ts';
import { AdapterTable } from './support/adapter-table.ts';
import { places } from './support/places.ts';

const table = new AdapterTable(columns);

// Hono's server prints the error of each response that is cut off
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));

describe.each(places)('$name', (place) => {
  let opened: Awaited<ReturnType<typeof place.open>> | undefined;
  beforeAll(async () => {
    opened = await place.open();
  });
  afterAll(() => opened?.end());

  const start: StartStage = (settings) => {
    if (!opened) throw new Error('the runtime has not started');
    return opened.start(settings);
  };
  adapterContractAt({ ...place, start }, table.add(place.name));
});

it('prints what the adapters showed to docs/adapters.md', async () => {
  const page = fileURLToPath(new URL('../../docs/adapters.md', import.meta.url));
  // from the first line of the table to the next headline
  const withTable = readFileSync(page, 'utf8').replace(
    /^\| +\| Node.*?(?=^## )/ms,
    () => `${table.render()}\n`,
  );

  await expect(withTable).toMatchFileSnapshot(page);
});
