import type { Outcome } from './run-scenario.ts';

const columns = {
  scenario: ({ scenario }) => scenario,
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
  const rows = outcomes.map((outcome) =>
    Object.values(columns).map((column) => {
      const value = column(outcome);
      return typeof value === 'number' ? value.toLocaleString('en') : value;
    }),
  );
  const rule = names.map((_, i) => (i === 0 ? '---' : '---:'));
  return [names, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
