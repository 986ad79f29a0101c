import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

/** Members that stand in an interface, in the order of the alphabet. */
function membersOf(file: string, declaration: string): readonly string[] {
  const text = read(file);
  const start = text.indexOf(`interface ${declaration}`);
  const body = text.slice(start, text.indexOf('\n}', start));
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name).toSorted();
}

/** What stands as code in the first cells of the table below a heading. */
function rowsBelow(page: string, heading: string): readonly string[] {
  const [, section = ''] = read(page).split(`\n${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| ([^|]+) \|/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
    .toSorted();
}

it('docs/server.md has every option of the server, and no other', () => {
  expect(rowsBelow('docs/server.md', '## Options')).toEqual(
    membersOf('src/server/options.ts', 'ServerOptions<'),
  );
});
