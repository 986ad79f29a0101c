import { readFileSync } from 'node:fs';

/** Whom a program runs as that refuses to run as root; `undefined` where that is not needed. */
export function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = ['postgres', 'nobody']
    .map((name) => users.find((user) => user.startsWith(`${name}:`))?.split(':'))
    .find((found) => found !== undefined);
  if (fields === undefined) throw new Error('there is no user but root to run a program as');
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}
