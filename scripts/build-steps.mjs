import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * One step of a build. Its paths are those of the repository.
 *
 * @typedef {object} Step
 * @property {readonly string[]} inputs - Files and folders that it reads. What a folder has in `dist` is not read.
 * @property {string} output - A file that it writes each time.
 * @property {() => void | Promise<unknown>} run - Throws if it fails.
 */

export const repository = fileURLToPath(new URL('..', import.meta.url));

/**
 * The package itself, which all examples import.
 *
 * @type {Step}
 */
export const packageStep = {
  inputs: ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
  output: 'dist/adapters/node.js',
  run: () => compile('tsconfig.build.json'),
};

/**
 * Runs the steps whose output is missing or older than their inputs; silent if all goes well.
 *
 * @param {readonly Step[]} steps
 */
export async function runSteps(steps) {
  for (const step of steps) {
    // a step reads what the one before it wrote
    if (isStale(step)) await step.run();
  }
}

/** @param {string} project */
export function compile(project) {
  runProgram(['typescript/bin/tsc', '-p', project], '.', `${project} does not compile`);
}

/**
 * Runs a program of an installed package and waits for it.
 *
 * @param {readonly [string, ...string[]]} command - The program's file among the packages, and what it is told.
 * @param {string} folder - Where it runs.
 * @param {string} complaint - Thrown if it fails.
 */
export function runProgram([program, ...values], folder, complaint) {
  const file = path.join(repository, 'node_modules', program);
  const { status } = spawnSync(process.execPath, [file, ...values], {
    cwd: path.join(repository, folder),
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(complaint);
}

/**
 * Bundles pages for those who look at them, also where a test asks for it.
 *
 * @param {string} folder - Has a `vite.config.ts`.
 */
export function bundle(folder) {
  const vite = 'vite/bin/vite.js';
  const config = path.join(repository, folder, 'vite.config.ts');
  runProgram([vite, 'build', '--config', config], '.', `${folder} cannot be bundled`);
}

/** @param {Step} step */
function isStale({ inputs, output }) {
  const builtAt = statSync(path.join(repository, output), { throwIfNoEntry: false })?.mtimeMs;
  return builtAt === undefined || inputs.some((input) => newestIn(input) > builtAt);
}

/**
 * @param {string} input
 * @returns {number}
 */
function newestIn(input) {
  const place = path.join(repository, input);
  const stats = statSync(place);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const files = readdirSync(place, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => !/^dist(?:[\\/]|$)/.test(file))
    .reduce(
      (newest, file) => Math.max(newest, statSync(path.join(place, file)).mtimeMs),
      // of a folder that holds what is built, its own time says nothing
      files.includes('dist') ? 0 : stats.mtimeMs,
    );
}
