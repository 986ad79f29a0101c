import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const installed = fileURLToPath(new URL('../node_modules/millrace', import.meta.url));

/**
 * Brings the copy of the package that the servers import up to the sources of this checkout, as its own build compiles them.
 *
 * @remarks
 * It is a copy, not a link, so that Millrace and its peers get the same `graphql`. With `BENCH_AS_INSTALLED=1` the copy stays as it is, to measure
 * a state of the sources again while they change.
 * @returns {void}
 */
export function ensureCurrentMillrace() {
  if (!existsSync(installed)) throw new Error('nothing to measure with: npm run bench:install');
  if (process.env['BENCH_AS_INSTALLED'] === '1') return;
  const builtAt = statSync(path.join(installed, 'dist/index.js'), {
    throwIfNoEntry: false,
  })?.mtimeMs;
  const inputs = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  const changedAt = Math.max(...inputs.map((input) => newestIn(path.join(repository, input))));
  if (builtAt !== undefined && changedAt <= builtAt) return;
  compile();
  copyFileSync(path.join(repository, 'package.json'), path.join(installed, 'package.json'));
}

function compile() {
  const tsc = path.join(repository, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', path.join(installed, 'dist')],
    { cwd: repository, stdio: 'inherit' },
  );
  if (status !== 0) throw new Error('the package does not compile');
}

/**
 * @param {string} place
 * @returns {number}
 */
function newestIn(place) {
  const stats = statSync(place);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const files = readdirSync(place, { recursive: true, encoding: 'utf8' });
  return Math.max(stats.mtimeMs, ...files.map((file) => statSync(path.join(place, file)).mtimeMs));
}
