import { execFile } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { createPostgresBroker, postgresMigration } from 'millrace/broker/postgres';
import pg from 'pg';

import type { Command } from '../supervised-process.ts';
import type { BrokerKind } from './types.ts';

export const postgres: BrokerKind = {
  title: 'PostgreSQL',
  async openBroker(url) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    // all processes do, and one of them makes the table
    await client.query(postgresMigration());
    await client.end();
    return createPostgresBroker({ url, timeoutMs: 2_000 });
  },
  urlOf: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  async toCommand(folder, port) {
    const user = unprivileged();
    if (user) chownSync(folder, user.uid, user.gid);
    const programs = programFolder();
    const initialise = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    await promisify(execFile)(path.join(programs, 'initdb'), initialise, { ...user, cwd: folder });
    const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return {
      file: path.join(programs, 'postgres'),
      words: ['-D', folder, ...words],
      ...(user && { user }),
    };
  },
};

/** PostgreSQL does not run as root. */
function unprivileged(): Command['user'] {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = users.find((user) => user.startsWith('postgres:'))?.split(':');
  if (!fields) throw new Error('there is no user postgres, and PostgreSQL does not run as root');
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** Debian keeps the programs of each version in a folder that is in no path. */
function programFolder(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const newestFirst = versions.toSorted((one, other) => Number(other) - Number(one));
  const folders = [
    ...newestFirst.map((version) => path.join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
  ];
  const found = folders.find((folder) => existsSync(path.join(folder, 'initdb')));
  if (found === undefined) throw new Error('PostgreSQL cannot be started: it is not installed');
  return found;
}
