import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const repository = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

/** Options that the text of an interface declares. */
function declaredIn(file: string, name: string): readonly string[] {
  const text = read(file);
  const start = text.search(new RegExp(`interface ${name}\\b`));
  const body = text.slice(start, text.indexOf('\n}', start));
  return [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option = '']) => option);
}

/** Options that a facade names to refuse them. */
function refusedIn(file: string): readonly string[] {
  return [...read(file).matchAll(/^ +(\w+): \{\s+?remedy:|^ +(\w+): \{ remedy/gm)].map(
    ([, one, other]) => one ?? other ?? '',
  );
}

/** Everything that stands as code in the first cell of a row. */
function documentedIn(page: string): ReadonlySet<string> {
  const cells = [...read(page).matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);
  return new Set(
    cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)),
  );
}

const folder = 'src/migrate';

describe.each([
  [
    'docs/migrating-from-graphql-subscriptions.md',
    [
      ...declaredIn(`${folder}/graphql-subscriptions.ts`, 'PubSubOptions'),
      ...declaredIn(`${folder}/graphql-redis-subscriptions.ts`, 'PubSubRedisOptions'),
      ...declaredIn(`${folder}/pubsub/payload-format.ts`, 'PayloadFormatOptions'),
      ...declaredIn(`${folder}/graphql-yoga.ts`, 'PubSubConfig'),
    ],
    [
      ...refusedIn(`${folder}/graphql-subscriptions.ts`),
      ...refusedIn(`${folder}/graphql-redis-subscriptions.ts`),
      ...refusedIn(`${folder}/graphql-yoga.ts`),
    ],
    7,
  ],
  [
    'docs/migrating-from-graphql-ws.md',
    declaredIn(`${folder}/websocket/graphql-ws-options.ts`, 'ServerOptions'),
    refusedIn(`${folder}/graphql-ws.ts`),
    4,
  ],
  [
    'docs/migrating-from-subscriptions-transport-ws.md',
    declaredIn(`${folder}/websocket/subscription-server-options.ts`, 'ServerOptions'),
    [],
    0,
  ],
])('%s', (page, options, refused, refusals) => {
  it('says of every option what became of it', () => {
    const documented = documentedIn(page);

    expect(options.length).toBeGreaterThan(5);
    expect([...options, ...refused].filter((option) => !documented.has(option))).toEqual([]);
  });

  it('says of every option that is refused that it is not there', () => {
    const rows = read(page).split('\n');

    expect(refused.length).toBe(refusals);
    for (const option of refused) {
      const row = rows.find((line) => line.startsWith('|') && line.includes(`\`${option}\``));
      expect([option, row]).toEqual([option, expect.stringContaining('| not there')]);
    }
  });
});
