// npm run test:faults [-- [--long] [--seed <number>] [--earlier <commit>] [--update] [<words of the name of a scenario>]]
//
// --long: 200 clients and the full durations; --seed: repeats what a run chose at random; --earlier: one of the three servers is of that version;
// --update: the table goes to docs/reliability.md, for `npm run format` to align.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: {
    long: { type: 'boolean' },
    seed: { type: 'string' },
    earlier: { type: 'string' },
    update: { type: 'boolean' },
  },
  allowPositionals: true,
});
const pattern = positionals.join(' ').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
const earlier = values.earlier === undefined ? undefined : checkOut(values.earlier);

const child = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'ledger', '--testNamePattern', pattern],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      LEDGER_LENGTH: values.long ? 'long' : 'short',
      LEDGER_UPDATE: values.update ? 'yes' : 'no',
      ...(values.seed !== undefined && { LEDGER_SEED: values.seed }),
      ...(earlier !== undefined && { LEDGER_EARLIER: earlier }),
    },
  },
);
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  if (earlier !== undefined) rmSync(earlier, { recursive: true, force: true });
});

/**
 * The sources of a commit, among the packages, so that those which they import are found from there.
 *
 * @param {string} commit
 * @returns {string} the folder
 */
function checkOut(commit) {
  const folder = mkdtempSync(path.resolve('node_modules/.millrace-earlier-'));
  const archive = execFileSync('git', ['archive', commit, 'src', 'package.json'], {
    maxBuffer: 2 ** 28,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  return folder;
}
