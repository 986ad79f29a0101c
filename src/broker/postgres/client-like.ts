/** What is used of a pool of the package `pg`. */
export interface PostgresPoolLike {
  readonly options: object;
  connect(): Promise<PostgresPoolClientLike>;
}

/** What is used of a client that a pool lends. */
export interface PostgresPoolClientLike {
  query(query: PostgresQuery): Promise<{ readonly rows: readonly unknown[] }>;
  on(name: 'error', listener: (error: Error) => void): unknown;
  removeListener(name: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: boolean): void;
}

/** A client in whose transaction is published: of the package `pg`, or whatever takes a statement and its values. */
export interface PostgresTransactionClient {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** A statement, as the package `pg` takes it. */
export interface PostgresQuery {
  readonly text: string;
  /** Where it is planned once for all times. */
  readonly name?: string;
  readonly values: unknown[];
  readonly rowMode: 'array';
  readonly types: { readonly getTypeParser: () => (text: string) => string };
}

/** Values are texts or null, whatever parsers the application has set for its own queries. */
export function toQuery(text: string, values: readonly unknown[] = []): PostgresQuery {
  return {
    text,
    values: [...values],
    rowMode: 'array',
    types: { getTypeParser: () => (value) => value },
  };
}
