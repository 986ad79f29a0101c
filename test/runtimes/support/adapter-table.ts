import type { Recorder } from '../../contract/adapter-contract.ts';

interface Row {
  readonly name: string;
  /** What was shown under each column: the marks, and the notes of those that have one. */
  readonly cells: Map<string, Set<string>>;
}

/** Collects what adapters showed, for the table that says so. */
export class AdapterTable {
  readonly #columns: readonly string[];
  readonly #rows: Row[] = [];

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  /** The row of an adapter. */
  add(name: string): Recorder {
    const row: Row = { name, cells: new Map() };
    this.#rows.push(row);
    return (column, mark, note) => {
      const shown = row.cells.get(column) ?? new Set();
      row.cells.set(column, shown.add(JSON.stringify([mark, note])));
    };
  }

  /** Markdown, laid out as the formatter would. */
  render(): string {
    const notes: string[] = [];
    const numberOf = (note: string): number => {
      if (!notes.includes(note)) notes.push(note);
      return notes.indexOf(note) + 1;
    };
    const lines = this.#columns.map((column) => [
      column,
      ...this.#rows.map(({ cells }) => toCell([...(cells.get(column) ?? [])], numberOf)),
    ]);
    const table = layOut([['', ...this.#rows.map(({ name }) => name)], ...lines]);
    const list = notes.map((note, index) => `${index + 1}. ${note}`);
    return `${table}\n\n${list.join('\n')}\n`;
  }
}

/** What was shown under a column and is not as everywhere. */
function toCell(shown: readonly string[], numberOf: (note: string) => number): string {
  if (shown.length === 0) return '–';
  const marks = shown.map((each) => JSON.parse(each) as readonly [string, string | null]); // as it was written
  const different = new Set(marks.map(([mark]) => mark).filter((mark) => mark !== 'yes'));
  const numbers = new Set(
    marks.flatMap(([, note]) => (typeof note === 'string' ? [numberOf(note)] : [])),
  );
  const references = numbers.size === 0 ? '' : ` (${[...numbers].join(', ')})`;
  return `${[...different].join('; ') || 'yes'}${references}`;
}

/** A table, as the formatter would lay it out; the first row is its head. */
export function layOut(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[], filler = ' '): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, filler)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = line(
    head.map(() => ''),
    '-',
  );
  return [line(head), rule, ...body.map((row) => line(row))].join('\n');
}
