import { expect, it } from 'vitest';

import { renderStateDiagrams } from '../support/state-diagrams.ts';

it('keeps the diagrams in the documentation equal to the transition tables', async () => {
  await expect(renderStateDiagrams()).toMatchFileSnapshot('../../docs/state-diagrams.md');
});
