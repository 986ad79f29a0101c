import { afterAll, beforeAll, describe } from 'vitest';

import { clientContract, isOnPage } from './support/client-contract.ts';
import type { Shown } from './support/client-contract.ts';
import { installProgram } from './support/client-package.ts';
import type { InstalledProgram } from './support/client-package.ts';
import { hasNewerNode, processPlaces, workerPlace } from './support/client-places.ts';
import { isOfBrowser } from './support/client-table.ts';

let program: InstalledProgram | undefined;
beforeAll(async () => {
  program = await installProgram();
});
afterAll(() => program?.remove());

const installed = (): InstalledProgram => {
  if (!program) throw new Error('the package was not installed');
  return program;
};

const shown: Shown = new Map();
for (const place of [...processPlaces(installed), workerPlace]) clientContract(place, shown);

// npm has a newer Node for Linux alone, and without it a column is missing
describe.skipIf(!hasNewerNode)('the page', () => {
  isOnPage(shown, (name) => !isOfBrowser(name));
});
