import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

/** Options that the text of an interface declares, with the beginnings of their defaults. */
function declaredIn(file: string, name: string): readonly (readonly [string, string])[] {
  const text = read(file);
  const start = text.indexOf(`interface ${name}`);
  const body = text.slice(start, text.indexOf('\n}', start));
  const member = /\/\*\*((?:(?!\*\/).)*)\*\/\n {2}readonly (\w+)\?:/gs;
  return [...body.matchAll(member)].map(([, comment = '', option = '']) => [
    option,
    /@defaultValue [`']?([\w. ]*)/.exec(comment)?.[1]?.trim() ?? 'none',
  ]);
}

/** The first two cells of the rows of the table of options. */
function documentedIn(page: string): readonly (readonly [string, string])[] {
  const [, section = ''] = read(page).split('\n## Options\n');
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` +\| ([^|]+) \|/gm);
  return [...rows].map(([, option = '', value = '']) => [option, value.replaceAll('`', '').trim()]);
}

const shared = declaredIn('src/links/watch-stream.ts', 'WatchOptions');

it.each([
  ['docs/apollo.md', shared],
  ['docs/relay.md', declaredIn('src/links/relay.ts', 'RelayNetworkOptions')],
  ['docs/urql.md', [...declaredIn('src/links/urql.ts', 'UrqlExchangeOptions'), ...shared]],
])('%s has every option, and no other', (page, declared) => {
  const documented = documentedIn(page);

  expect(documented.map(([option]) => option).toSorted()).toEqual(
    declared.map(([option]) => option).toSorted(),
  );
  for (const [option, value] of declared) {
    const stated = documented
      .find(([name]) => name === option)?.[1]
      .replace(/^the runtime's$/, 'the clock of the runtime');
    expect([option, stated]).toEqual([option, expect.stringMatching(new RegExp(`^${value}`))]);
  }
});
