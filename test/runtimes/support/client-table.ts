import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { layOut } from './adapter-table.ts';

/** The page with the table of what the client showed in each runtime. */
export const clientPage = fileURLToPath(new URL('../../../docs/client.md', import.meta.url));

/** The columns that tests with a browser fill; the others are those of tests with runtimes. */
export const browserColumns = ['Chromium', 'Firefox'] as const;

/** A column: its cells by the heads of their rows. */
export type ClientColumn = ReadonlyMap<string, string>;

const title = '## Runtimes';

/**
 * The page with what was seen. Columns of others stay as they are.
 *
 * @param seen - columns by their heads
 * @param isOurs - whether a column is that of the caller; those that were not seen leave
 */
export function pageWith(
  seen: ReadonlyMap<string, ClientColumn>,
  isOurs: (name: string) => boolean,
): string {
  const page = readFileSync(clientPage, 'utf8');
  const start = page.indexOf('\n|', page.indexOf(`${title}\n`)) + 1;
  const end = page.indexOf('\n\n', start);
  const columns = new Map([
    ...[...readColumns(page.slice(start, end))].filter(([name]) => !isOurs(name)),
    ...seen,
  ]);
  const names = [...columns.keys()];
  const ordered = [
    ...names.filter((name) => !isOfBrowser(name)),
    ...browserColumns.filter((name) => columns.has(name)),
  ];
  // all columns are of one suite, and those of others may be older
  const rows = new Set([...seen.values()].flatMap((column) => Array.from(column.keys())));
  const toCells = (row: string): readonly string[] =>
    [row].concat(ordered.map((name) => columns.get(name)?.get(row) ?? '–'));
  const table = layOut([['', ...ordered], ...Array.from(rows, toCells)]);
  return `${page.slice(0, start)}${table}${page.slice(end)}`;
}

export function isOfBrowser(name: string): boolean {
  return browserColumns.some((column) => column === name);
}

function readColumns(table: string): ReadonlyMap<string, ClientColumn> {
  const [head = [], , ...rows] = table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(
    head
      .slice(1)
      .map((name, index) => [
        name,
        new Map(rows.map(([row = '', ...cells]) => [row, cells[index] ?? ''])),
      ]),
  );
}
