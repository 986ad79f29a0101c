import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { notMet, statements } from './statements.ts';

const testFolder = fileURLToPath(new URL('..', import.meta.url));

function* testFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['node_modules', 'conformance'].includes(entry.name))
      yield* testFiles(path);
    else if (entry.isFile() && path.endsWith('.ts')) yield path;
  }
}

/** Ids as they stand in a title or as the key of a transcript. */
const shown = new Set(
  [...testFiles(testFolder)].flatMap(
    (path) => readFileSync(path, 'utf8').match(/\b[A-Z]{2,3}-\d+\b/g) ?? [],
  ),
);

describe('the protocol reference', () => {
  it.each(statements)('%s is shown by a test or listed with its reason', (statement) => {
    expect(shown.has(statement) || statement in notMet).toBe(true);
  });

  it('is not claimed and disclaimed at once', () => {
    expect(Object.keys(notMet).filter((statement) => shown.has(statement))).toEqual([]);
  });

  it('gets a reason in words for what is not met', () => {
    expect(Object.values(notMet).filter((reason) => reason.length < 20)).toEqual([]);
  });
});
