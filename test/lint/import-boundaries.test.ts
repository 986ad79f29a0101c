import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import { boundaries, findOffence } from '../../lint/import-boundaries.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const root = '/project/src';

function offence(importer: string, specifier: string): string | undefined {
  return findOffence(path.join(root, importer), specifier, root);
}

describe('what a file may import', () => {
  it.each([
    ['protocol/sse/codec.ts', './messages.ts'],
    ['protocol/sse/codec.ts', '../connection.ts'],
    ['protocol/sse/codec.ts', '../../errors.ts'],
    ['errors.ts', './vocabulary.ts'],
    ['execution/engine.ts', '../stream/source.ts'],
    ['execution/engine.ts', 'lru-cache'],
    ['broker/memory.ts', '../stream/source.ts'],
    ['server/server.ts', '../broker/types.ts'],
    ['server/server.ts', 'graphql'],
    ['server/persisted-queries.ts', 'lru-cache'],
    ['client/client.ts', '../protocol/index.ts'],
    ['links/apollo.ts', '../client/index.ts'],
    ['adapters/node.ts', 'node:http'],
    ['adapters/node.ts', '../server/index.ts'],
    ['testing/pair.ts', '../client/client.ts'],
    ['index.ts', './server/types.ts'],
  ])('%s may import %s', (importer, specifier) => {
    expect(offence(importer, specifier)).toBeUndefined();
  });

  it.each([
    ['protocol/sse/codec.ts', '../../stream/source.ts', /from stream/],
    ['protocol/sse/codec.ts', '../../protocol/../server/x.ts', /from server/],
    ['protocol/sse/codec.ts', 'graphql', /nothing of that kind/],
    ['protocol/sse/codec.ts', 'buffer', /every runtime/],
    ['stream/queue.ts', '../protocol/connection.ts', /from protocol/],
    ['vocabulary.ts', './server/types.ts', /from server/],
    ['execution/engine.ts', '../broker/types.ts', /only stream/],
    ['execution/engine.ts', 'graphql/utilities', /only graphql, lru-cache/],
    ['server/server.ts', 'node:crypto', /every runtime/],
    ['server/server.ts', '../client/client.ts', /from client/],
    ['client/client.ts', '../server/server.ts', /from server/],
    ['adapters/node.ts', '../protocol/index.ts', /only server/],
    ['adapters/node.ts', 'millrace/protocol', /by its path/],
    ['adapters/node.ts', '../../test/support/x.ts', /outside src/],
    ['helpers/text.ts', './other.ts', /no row in the table/],
    ['constructor/text.ts', './other.ts', /no row in the table/],
  ])('%s must not import %s', (importer, specifier, message) => {
    expect(offence(importer, specifier)).toMatch(message);
  });

  it('leaves files outside the root alone', () => {
    expect(findOffence('/project/test/x.ts', '../src/server/x.ts', root)).toBeUndefined();
  });

  it('knows every folder and file that lies in src', () => {
    const parts = readdirSync(path.join(repository, 'src'));

    expect(parts.filter((part) => !Object.hasOwn(boundaries, part))).toEqual([]);
  });
});

describe('the rule in the linter', () => {
  const project = mkdtempSync(path.join(tmpdir(), 'millrace-lint-'));
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('sees imports, re-exports, dynamic imports and types alike', () => {
    mkdirSync(path.join(project, 'src/protocol'), { recursive: true });
    const config = {
      jsPlugins: [path.join(repository, 'lint/import-boundaries.js')],
      rules: { 'millrace/import-boundaries': ['error', { root: path.join(project, 'src') }] },
    };
    writeFileSync(path.join(project, 'config.json'), JSON.stringify(config));
    const lines = [
      "import '../server/a.ts';",
      "import type { B } from '../server/a.ts';",
      "export * from '../server/a.ts';",
      "export { d } from '../server/a.ts';",
      "export type E = [B, import('../server/a.ts').E];",
      "export const f = import('../server/a.ts');",
      "export { never } from '../vocabulary.ts';",
    ];
    writeFileSync(path.join(project, 'src/protocol/x.ts'), lines.join('\n'));

    expect(linesThatOxlintReports(path.join(project, 'config.json'))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  function linesThatOxlintReports(config: string): readonly number[] {
    const oxlint = path.join(repository, 'node_modules/oxlint/bin/oxlint');
    const { stdout } = spawnSync(
      process.execPath,
      [oxlint, '--config', config, '--format', 'unix', 'src'],
      { cwd: project, encoding: 'utf8' },
    );
    return stdout
      .split('\n')
      .filter((line) => line.includes('import-boundaries'))
      .map((line) => Number(line.split(':')[1]));
  }
});
