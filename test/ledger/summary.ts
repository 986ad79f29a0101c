import { readFileSync, writeFileSync } from 'node:fs';

import type { Outcome } from './run-scenario.ts';

const columns = {
  scenario: ({ scenario }) => scenario,
  broker: ({ broker }) => broker,
  clients: ({ clients }) => clients,
  processes: ({ processes }) => processes,
  'events published': ({ published }) => published,
  deliveries: ({ delivered }) => delivered,
  resumes: ({ resumes }) => resumes,
  'asked again': ({ ends }) => ends,
  'gaps announced': ({ gaps }) => gaps,
  'missing, announced': ({ announcedMissing }) => announcedMissing,
  lost: ({ lost }) => lost,
  reordered: ({ reordered }) => reordered,
  undetected: ({ undetected }) => undetected,
  duration: ({ durationMs }) => `${Math.round(durationMs / 1_000)} s`,
} as const satisfies Record<string, (outcome: Outcome) => string | number>;

/** A table of Markdown, one row a run. */
export function toTable(outcomes: readonly Outcome[]): string {
  const names = Object.keys(columns);
  const rule = names.map((_, i) => (i === 0 ? '---' : '---:'));
  return [join(names), join(rule), ...outcomes.map(toRow)].join('\n');
}

/** One line of it. */
export function toRow(outcome: Outcome): string {
  const values = Object.values(columns).map((column) => column(outcome));
  return join(
    values.map((value) => (typeof value === 'number' ? value.toLocaleString('en') : value)),
  );
}

/** Puts a table in the place of the one that a document has. */
export function replaceTable(document: URL, table: string): void {
  const text = readFileSync(document, 'utf8');
  const begin = text.indexOf('| scenario ');
  if (begin === -1) throw new Error(`${document.pathname} has no table of scenarios`);
  const end = text.indexOf('\n\n', begin);
  writeFileSync(document, text.slice(0, begin) + table + text.slice(end));
}

function join(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
