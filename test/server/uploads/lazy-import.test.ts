import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../../src/server/index.ts', import.meta.url));

/** What is loaded with `file`: its static imports that are not of types alone, and theirs. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!existsSync(file)) return seen; // a package
  const source = readFileSync(file, 'utf8');
  const statements = source.matchAll(/^(?:import|export) (?!type )[^;]*? from '([^']+)';/gms);
  for (const [, specifier = ''] of statements) {
    const isOurs = specifier.startsWith('.');
    loadedWith(isOurs ? path.resolve(path.dirname(file), specifier) : specifier, seen);
  }
  return seen;
}

it('what parses forms is not loaded before there is a form', () => {
  const loaded = loadedWith(entry);

  expect(loaded).toContain('graphql');
  expect(loaded).not.toContain('multipasta');
  expect([...loaded].filter((file) => file.endsWith('form-parser.ts'))).toEqual([]);
});
