import { UsageError } from '../../errors.ts';

/** Where the events are. */
export interface PostgresTableOptions {
  /** @defaultValue 'millrace' */
  readonly schema?: string;
  /** What the names of the table, and of everything that belongs to it, begin with. @defaultValue 'outbox' */
  readonly table?: string;
}

/** Names of everything that belongs to one table of events, as they stand in SQL. */
export interface PostgresNames {
  readonly schema: string;
  /** Holds the events. */
  readonly table: string;
  /** Holds, for each log of which something was removed, what was removed last. */
  readonly marks: string;
  /** Holds one row: the version of all this, and the epoch. */
  readonly state: string;
  /** Gives events their places. */
  readonly order: string;
  /** The name of an index or a trigger, without its schema. */
  readonly part: (suffix: string) => string;
  /** The name of a function. */
  readonly routine: (suffix: string) => string;
}

/** PostgreSQL cuts names that are longer than 63 bytes; what belongs to the table has a longer name than the table. */
const nameBytes = 48;

/** Quoted, so that any name is one and nothing else. */
export function toNames(options: PostgresTableOptions = {}): PostgresNames {
  const { schema = 'millrace', table = 'outbox' } = options;
  assertName(schema);
  assertName(table);
  const inSchema = (name: string) => `${quote(schema)}.${quote(name)}`;
  return {
    schema: quote(schema),
    table: inSchema(table),
    marks: inSchema(`${table}_marks`),
    state: inSchema(`${table}_state`),
    order: inSchema(`${table}_order`),
    part: (suffix) => quote(`${table}_${suffix}`),
    routine: (suffix) => inSchema(`${table}_${suffix}`),
  };
}

/** A text as it stands in SQL, whatever is in it. */
export function toLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function assertName(name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  // the names stand in the texts of functions, which a dollar sign could end
  if (bytes >= 1 && bytes <= nameBytes && !/[\0$]/.test(name)) return;
  throw new UsageError(
    `the name of a schema or table has 1 to ${nameBytes} bytes, and no dollar sign`,
  );
}
