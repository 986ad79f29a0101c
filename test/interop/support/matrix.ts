import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import type { Capability } from './capabilities.ts';
import type { ClientUnderTest, Peculiarity } from './client-under-test.ts';

type Expectation = Pick<Peculiarity, 'outcome' | 'observed'> & Partial<Pick<Peculiarity, 'note'>>;

const introduction = `# Clients that were tried

Each client below is the package from npm, without options besides those that are named; only what a client waits
before it tries again is cut short where it lets one. It talks to a server of Millrace through a socket, and each cell
is what a test saw. \`npm run interop:matrix\` tries them all and prints this page; the tests fail where it says
something else.

Clients without a package have tests of their own: \`EventSource\` and \`fetch\` of Chromium in
\`test/browser/streams.browser.test.ts\`, curl in \`test/interop/curl.interop.test.ts\`.

"As a result" and "as a failure" say how a program learns of it: from a result with errors, or from the error callback.
`;

/** Collects what the clients did, for the page that says so. */
export class Matrix {
  readonly #clients: readonly ClientUnderTest[];
  readonly #capabilities: readonly Capability[];
  readonly #cells = new Map<ClientUnderTest, Map<string, Expectation>>();

  constructor(clients: readonly ClientUnderTest[], capabilities: readonly Capability[]) {
    this.#clients = clients;
    this.#capabilities = capabilities;
  }

  /** Takes one of the expected observations. */
  record(client: ClientUnderTest, capability: Capability, observed: unknown): void {
    const cell = expectedOf(client, capability).find((expected) =>
      isDeepStrictEqual(expected.observed, observed),
    );
    if (!cell) return;
    const row = this.#cells.get(client) ?? new Map<string, Expectation>();
    this.#cells.set(client, row.set(capability.column, cell));
  }

  /** Markdown, laid out as the formatter would. */
  render(): string {
    const notes: string[] = [];
    const numberOf = (note: string): number => {
      if (!notes.includes(note)) notes.push(note);
      return notes.indexOf(note) + 1;
    };
    const mark = ({ outcome, note }: Expectation): string =>
      note === undefined ? outcome : `${outcome} (${numberOf(note)})`;
    const rows = this.#clients.map((client) => [
      nameOf(client),
      client.transport,
      ...this.#capabilities.map(({ column }) => {
        const cell = this.#cells.get(client)?.get(column);
        return cell ? mark(cell) : 'not shown';
      }),
    ]);
    const table = layOut([
      ['Client', 'Over', ...this.#capabilities.map(({ column }) => column)],
      ...rows,
    ]);
    return [
      introduction,
      table,
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

/** What a client may show, with the words that the matrix has for it: its own way, or one of the ordinary ones. */
export function expectedOf(
  { peculiarities = {} }: ClientUnderTest,
  { column, outcomes }: Capability,
): readonly Expectation[] {
  const own = peculiarities[column];
  if (own) return [own];
  return Object.entries(outcomes).map(([outcome, observed]) => ({ outcome, observed }));
}

/** As in the table: package, version, and what of it. */
export function nameOf({ packageName, part }: ClientUnderTest): string {
  const manifest = new URL(`../node_modules/${packageName}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };
  return `${packageName} ${version}${part === undefined ? '' : `, ${part}`}`;
}

function layOut(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], filler = ' '): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, filler)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [
    line(head),
    line(
      head.map(() => ''),
      '-',
    ),
    ...body.map((row) => line(row)),
  ].join('\n');
}
