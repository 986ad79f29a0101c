import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

/**
 * What is bundled and how large it is: each row of `.size-limit.json`, with its size in bytes.
 *
 * @typedef {{ readonly name: string; readonly passed: boolean; readonly size: number; readonly sizeLimit: number }} Row
 */

const readme = new URL('../README.md', import.meta.url);

/** The table in the README, its first two lines and its rows. */
const table = /\| Bundle +\| .*\n\| -+ .*\n(?:\|.*\n)+/;

/** Other versions of Node compress a little differently, so a row may be off by this much, in kB. */
const tolerance = 0.1;

const rows = await measure();
const printed = toTable(rows);
process.stdout.write(printed);
for (const { name, size, sizeLimit } of rows.filter(({ passed }) => !passed))
  fail(`${name}: ${size} bytes, and the limit is ${sizeLimit}`);
if (process.argv.includes('--update')) updateReadme();
else if (!isInReadme()) fail('The table in README.md is another one: npm run size -- --update');

/** @returns {Promise<readonly Row[]>} */
async function measure() {
  const call = promisify(execFile)('npx', ['size-limit', '--json']);
  // a limit that is exceeded is its exit code, too
  const { stdout } = await call.catch((/** @type {unknown} */ error) => Object(error));
  return JSON.parse(stdout);
}

/** @param {readonly Row[]} measured */
function toTable(measured) {
  /** @type {readonly (readonly string[])[]} */
  const cells = [
    ['Bundle', 'Minified, gzip', 'Limit'],
    ...measured.map(({ name, size, sizeLimit }) => [
      name,
      `${(size / 1_000).toFixed(1)} kB`,
      `${sizeLimit / 1_000} kB`,
    ]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const [head, ...rest] = cells.map((row) =>
    toLine(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))),
  );
  return [head, toLine(widths.map((width) => '-'.repeat(width))), ...rest, ''].join('\n');
}

/** @param {readonly string[]} cells */
function toLine(cells) {
  return `| ${cells.join(' | ')} |`;
}

function updateReadme() {
  const text = readFileSync(readme, 'utf8');
  if (!table.test(text)) return fail('README.md has no such table');
  writeFileSync(readme, text.replace(table, printed));
}

function isInReadme() {
  const written = toCells(table.exec(readFileSync(readme, 'utf8'))?.[0] ?? '');
  const now = toCells(printed);
  return written.length === now.length && now.every((cell, i) => isClose(cell, written[i] ?? ''));
}

/** @param {string} text */
function toCells(text) {
  const cells = text.split('|').map((cell) => cell.trim());
  return cells.filter((cell) => !/^-*$/.test(cell));
}

/**
 * @param {string} cell
 * @param {string} other
 */
function isClose(cell, other) {
  const isSize = /^[\d.]+ kB$/.test(cell);
  const difference = Math.abs(Number.parseFloat(cell) - Number.parseFloat(other));
  return cell === other || (isSize && difference <= tolerance + 1e-9);
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
