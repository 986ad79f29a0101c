import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** @type {import('./broker-process.mjs').BrokerProgram} */
export const postgresServer = {
  file: programPath('postgres'),
  user: unprivileged(),
  // what is left of a server that is killed more abruptly writes for a while
  killSignal: 'SIGQUIT',
  urlOf: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  words: ({ port, directory }) => {
    const user = unprivileged();
    if (user) chownSync(directory, user.uid, user.gid);
    execFileSync(programPath('initdb'), ['-D', directory, '-U', 'postgres', '--no-sync'], {
      ...user,
      cwd: directory,
      stdio: 'ignore',
    });
    const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
    const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return ['-D', directory, ...words];
  },
};

/** PostgreSQL does not run as root. */
function unprivileged() {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = users.find((user) => user.startsWith('postgres:'))?.split(':');
  return fields && { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/**
 * Debian keeps the programs of each version in a folder that is in no path.
 *
 * @param {string} name
 */
function programPath(name) {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const newest = versions.toSorted((one, other) => Number(other) - Number(one))[0];
  return newest === undefined ? name : path.join(debian, newest, 'bin', name);
}
