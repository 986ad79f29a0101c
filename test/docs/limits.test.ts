import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { defaultDocumentLimits } from '../../src/execution/document-limits.ts';
import { defaultLimits } from '../../src/server/limits.ts';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

const sections = new Map(
  read('docs/limits.md')
    .split('\n## ')
    .map((section) => [section.split(/[:\n]/, 1)[0] ?? '', section] as const),
);

/** Cells of the rows of a section whose first cell is a name in code, without their padding. */
function rowsOf(title: string): readonly (readonly string[])[] {
  const lines = sections.get(title)?.split('\n') ?? [];
  return lines
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

/** Reads `65,536 B` as 65536. */
function toNumber(text: string | undefined): number {
  return Number(text?.split(' ')[0]?.replaceAll(',', ''));
}

function numbersOf(title: string): Record<string, number> {
  return Object.fromEntries(rowsOf(title).map(([name, value]) => [name, toNumber(value)]));
}

/** Options with the defaults that their documentation states, as `name?: number` after `@defaultValue 1_000`. */
function documentedDefaults(path: string): Record<string, number> {
  const pattern = /@defaultValue ([\d_]+) \*\/\n\s+readonly (\w+)\?: number;/g;
  return Object.fromEntries(
    [...read(path).matchAll(pattern)].map(([, value, name]) => [
      name,
      Number(value?.replaceAll('_', '')),
    ]),
  );
}

describe('docs/limits.md', () => {
  it('names every limit of connections and messages with its default', () => {
    expect(numbersOf('Connections and messages')).toEqual(defaultLimits);
  });

  it('names every limit of documents with its default', () => {
    expect(numbersOf('Documents')).toEqual(defaultDocumentLimits);
  });

  it('names every period of the liveness checks with its default', () => {
    expect(numbersOf('Liveness')).toEqual(documentedDefaults('src/server/options.ts'));
  });

  it('names every bound of workers with its default', () => {
    expect(numbersOf('Workers')).toEqual(
      documentedDefaults('src/adapters/workers/worker-options.ts'),
    );
  });

  it('names every bound of the memory broker with its default', () => {
    expect(numbersOf('Logs')).toEqual({
      ...documentedDefaults('src/broker/log-tail.ts'),
      ...documentedDefaults('src/broker/memory.ts'),
    });
  });

  it('names every bound of the store of persisted queries with its default', () => {
    expect(numbersOf('Persisted queries')).toEqual(
      documentedDefaults('src/server/persisted-queries.ts'),
    );
  });

  it('names every bound of callbacks with its default', () => {
    expect(numbersOf('Callbacks')).toEqual(
      documentedDefaults('src/server/callback/callback-options.ts'),
    );
  });

  it('names every bound of compression with its default', () => {
    expect(numbersOf('Compression')).toEqual(documentedDefaults('src/server/compression.ts'));
  });

  it('names every bound of gateways with its default', () => {
    expect(numbersOf('Gateways')).toEqual(
      documentedDefaults('src/server/gateway/gateway-options.ts'),
    );
  });

  it.each(rowsOf('Fixed').map(([name, value, , file]) => ({ name, value, file })))(
    'gives $name the value that it has in $file',
    ({ name, value, file }) => {
      const declaration = new RegExp(String.raw`\b${name}(?: =|:) ([\d_]+)\b`).exec(
        read(file ?? ''),
      );

      expect(Number(declaration?.[1]?.replaceAll('_', ''))).toBe(toNumber(value));
    },
  );
});
