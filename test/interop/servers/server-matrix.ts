import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import type { Capability } from './capabilities.ts';
import type { Peculiarity, ServerUnderTest } from './server-under-test.ts';

type Expectation = Pick<Peculiarity, 'outcome' | 'observed'> & Partial<Pick<Peculiarity, 'note'>>;

const introduction = `# Servers that were tried

Each server below is the package from npm, set up as its documentation has it, with graphql 16. Our client talks to it
through a socket, and each cell is what a test saw. \`test/interop/client-of-servers.interop.test.ts\` tries them all and,
with \`--update\`, prints this page; the tests fail where it says something else. What belongs to some servers only is in
\`client-of-websocket-servers\` and \`client-of-http-servers\` beside it.

"As a result" and "as a failure" say how a program learns of it: from a result with errors, or from a \`TransportError\`.
Where two words stand in a cell, the first is for a query and the second for a subscription.
`;

/** Collects what our client saw of servers, for the page that says so. */
export class ServerMatrix {
  readonly #servers: readonly ServerUnderTest[];
  readonly #capabilities: readonly Capability[];
  readonly #cells = new Map<ServerUnderTest, Map<string, Expectation>>();

  constructor(servers: readonly ServerUnderTest[], capabilities: readonly Capability[]) {
    this.#servers = servers;
    this.#capabilities = capabilities;
  }

  /** Takes one of the expected observations. */
  record(server: ServerUnderTest, capability: Capability, observed: unknown): void {
    const cell = expectedOf(server, capability).find((expected) =>
      isDeepStrictEqual(expected.observed, observed),
    );
    if (!cell) return;
    const row = this.#cells.get(server) ?? new Map<string, Expectation>();
    this.#cells.set(server, row.set(capability.column, cell));
  }

  /** Markdown, laid out as the formatter would. */
  render(): string {
    const notes: string[] = [];
    const mark = ({ outcome, note }: Expectation): string => {
      if (note === undefined) return outcome;
      if (!notes.includes(note)) notes.push(note);
      return `${outcome} (${notes.indexOf(note) + 1})`;
    };
    const rows = this.#servers.map((server) => [
      nameOf(server),
      server.over,
      ...this.#capabilities.map(({ column }) => {
        const cell = this.#cells.get(server)?.get(column);
        return cell ? mark(cell) : 'not shown';
      }),
    ]);
    return [
      introduction,
      layOut([['Server', 'Over', ...this.#capabilities.map(({ column }) => column)], ...rows]),
      '',
      ...notes.map((note, index) => `${index + 1}. ${note}`),
      '',
      '## Columns',
      '',
      ...this.#capabilities.map(({ column, says }) => `- **${column}**: ${says}`),
      '',
    ].join('\n');
  }
}

/** What may be seen of a server, with the words that the matrix has for it: its own way, or one of the ordinary ones. */
export function expectedOf(
  { peculiarities = {} }: ServerUnderTest,
  { column, outcomes }: Capability,
): readonly Expectation[] {
  const own = peculiarities[column];
  if (own) return [own];
  return Object.entries(outcomes).map(([outcome, observed]) => ({ outcome, observed }));
}

/** As in the table: package, version, and what of it. */
export function nameOf({ packageName, part }: ServerUnderTest): string {
  const manifest = new URL(`../node_modules/${packageName}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };
  return `${packageName} ${version}${part === undefined ? '' : `, ${part}`}`;
}

function layOut([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
