import { execFile, spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import pg from 'pg';

import { postgresMigration } from '../../src/broker/postgres/migration.ts';
import { findFreePort, findProgramFolder, ServerProcess } from './server-process.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

const run = promisify(execFile);

/** Where the tests look for a server first. */
const usualUrl = 'postgres://postgres@127.0.0.1:5432/test';

/** Whom a server of the tests' own knows. */
const ownUser = 'postgres';
const ownDatabase = 'postgres';

/** Whether tests can start servers of their own. */
export function hasPostgresServer(): boolean {
  return programFolder() !== undefined;
}

/** What a test file has of a server that others may use as well. */
export interface PostgresShare {
  readonly url: string;
  /** Makes a table of events in a schema that nobody else has. */
  createSchema(): Promise<string>;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/** The server for tests that do no harm to it: the one that runs here and lets them in, otherwise one that is started. */
export async function sharePostgres(): Promise<PostgresShare> {
  const server = (await answers(usualUrl)) ? undefined : await PostgresServer.start();
  const url = server?.url ?? usualUrl;
  const schemas: string[] = [];
  return {
    url,
    createSchema: async () => {
      const schema = `test_${crypto.randomUUID().replaceAll('-', '_')}`;
      schemas.push(schema);
      await query(url, postgresMigration({ schema }));
      return schema;
    },
    close: () => (server ? server.close() : dropSchemas(url, schemas)),
  };
}

async function dropSchemas(url: string, schemas: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET client_min_messages = warning; SET synchronous_commit = off');
  // each in a transaction of its own: one has locks for only so many tables
  for (const schema of schemas) await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.end();
}

/** Asks one question on a connection of its own. */
export async function query(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // without values, a text may hold several statements
    const { rows } = await (values.length > 0
      ? client.query(text, [...values])
      : client.query(text));
    return rows as readonly Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

export class PostgresServer extends ServerProcess {
  protected override readonly program = 'postgres';
  /** It recovers when it is started again. */
  protected override readonly killSignal = 'SIGQUIT';
  protected override readonly patienceMs = 30_000;
  readonly #folder: string;
  #data: string;

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(await findFreePort());
    await server.#runProgram('initdb', [
      `--pgdata=${server.#data}`,
      `--username=${ownUser}`,
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    await server.start();
    return server;
  }

  private constructor(port: number) {
    super(port);
    this.#folder = mkdtempSync(path.join(tmpdir(), 'millrace-postgres-'));
    this.#data = path.join(this.#folder, 'data');
    const owner = unprivilegedUser();
    if (owner) chownSync(this.#folder, owner.uid, owner.gid);
  }

  get url(): string {
    return `postgres://${ownUser}@127.0.0.1:${this.port}/${ownDatabase}`;
  }

  /** Copies what is there, for {@link PostgresServer.failOver}. */
  async copy(): Promise<void> {
    await this.#runProgram('pg_basebackup', [
      `--pgdata=${path.join(this.#folder, 'copy')}`,
      `--dbname=${this.url}`,
      '--write-recovery-conf',
      '--checkpoint=fast',
      '--no-sync',
    ]);
  }

  /** The copy takes the place of the server, as a standby does that lags behind. */
  async failOver(): Promise<void> {
    await this.kill();
    this.#data = path.join(this.#folder, 'copy');
    await this.start();
    await this.#runProgram('pg_ctl', ['promote', '-w', '-D', this.#data]);
  }

  protected override spawn(): ChildProcess {
    const settings = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      wal_writer_delay: '10s', // what is committed asynchronously is lost with the server
      max_wal_size: '128MB',
      shared_buffers: '16MB',
      max_prepared_transactions: '1',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const owned: SpawnOptions = { ...unprivilegedUser(), stdio: 'ignore', cwd: this.#folder };
    return spawn(programPath(this.program), ['-D', this.#data, ...options], owned);
  }

  protected override answers(): Promise<boolean> {
    return answers(this.url);
  }

  protected override removeFiles(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #runProgram(name: string, options: readonly string[]): Promise<void> {
    await run(programPath(name), [...options], { ...unprivilegedUser(), cwd: this.#folder });
  }
}

function programPath(name: string): string {
  return path.join(programFolder() ?? '', name);
}

/** Debian keeps the programs of each version in a folder that is in no path. */
function programFolder(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const folders = versions
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => path.join(debian, version, 'bin'));
  return findProgramFolder('initdb', folders);
}

async function answers(url: string): Promise<boolean> {
  try {
    await query(url, 'SELECT 1');
    return true;
  } catch {
    return false;
  }
}
