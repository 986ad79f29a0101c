import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { query } from './postgres-server.ts';
import { findFreePort, findProgramFolder, ServerProcess } from './server-process.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

/** Whether tests can start poolers of their own. */
export function hasPgBouncer(): boolean {
  return programFolder() !== undefined;
}

/** How a {@link PgBouncer} lends connections. */
export interface PgBouncerOptions {
  /** Whether a client keeps its connection from one transaction to the next. */
  readonly mode: 'transaction' | 'session';
  /** Connections to PostgreSQL. */
  readonly connections: number;
}

/** In front of a PostgreSQL of 127.0.0.1. */
export class PgBouncer extends ServerProcess {
  protected override readonly program = 'pgbouncer';
  readonly url: string;
  readonly #folder: string;

  /** @param url - of PostgreSQL */
  static async start(url: string, options: PgBouncerOptions): Promise<PgBouncer> {
    const pooler = new PgBouncer(new URL(url), await findFreePort(), options);
    await pooler.start();
    return pooler;
  }

  private constructor(server: URL, port: number, options: PgBouncerOptions) {
    super(port);
    const url = new URL(server);
    url.port = String(port);
    this.url = url.href;
    this.#folder = mkdtempSync(path.join(tmpdir(), 'millrace-pgbouncer-'));
    const owner = unprivilegedUser();
    if (owner) chownSync(this.#folder, owner.uid, owner.gid);
    writeFileSync(this.#settingsPath, toSettings(server, port, options));
  }

  get #settingsPath(): string {
    return path.join(this.#folder, 'pgbouncer.ini');
  }

  protected override spawn(): ChildProcess {
    const program = path.join(programFolder() ?? '', this.program);
    return spawn(program, ['--quiet', this.#settingsPath], {
      ...unprivilegedUser(),
      stdio: 'ignore',
      cwd: this.#folder,
    });
  }

  protected override async answers(): Promise<boolean> {
    try {
      await query(this.url, 'SELECT 1');
      return true;
    } catch {
      return false;
    }
  }

  protected override removeFiles(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whoever comes is let in, as the user of the address. A PostgreSQL that was away is tried again after 0.1 seconds. */
function toSettings(server: URL, port: number, { mode, connections }: PgBouncerOptions): string {
  const database = server.pathname.slice(1);
  return `
[databases]
${database} = host=${server.hostname} port=${server.port} user=${server.username}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${connections}
server_login_retry = 0.1
`;
}

/** Debian keeps it where only root looks for programs. */
function programFolder(): string | undefined {
  return findProgramFolder('pgbouncer', ['/usr/sbin']);
}
