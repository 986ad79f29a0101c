import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * One step of the build.
 *
 * @typedef {object} Step
 * @property {readonly string[]} inputs - Files and folders that it reads.
 * @property {string} output - A file that it writes each time.
 * @property {() => void | Promise<unknown>} run - Throws if it fails.
 */

const repository = fileURLToPath(new URL('..', import.meta.url));
const chat = 'examples/chat';

/** @type {readonly Step[]} */
const steps = [
  {
    inputs: ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
    output: 'dist/adapters/node.js',
    run: () => compile('tsconfig.build.json'),
  },
  {
    inputs: [
      'dist/adapters/node.js',
      `${chat}/memory-rooms.ts`,
      `${chat}/redis-rooms.ts`,
      `${chat}/rooms.ts`,
      `${chat}/schema.ts`,
      `${chat}/server.ts`,
      `${chat}/static-pages.ts`,
      `${chat}/tsconfig.build.json`,
    ],
    output: `${chat}/dist/server.js`,
    run: () => compile(`${chat}/tsconfig.build.json`),
  },
  {
    inputs: [
      'dist/client/index.js',
      `${chat}/pages`,
      `${chat}/vite.config.ts`,
      'package-lock.json',
    ],
    output: `${chat}/dist/pages/index.html`,
    run: async () => {
      const { build } = await import('vite');
      await build({ configFile: path.join(repository, chat, 'vite.config.ts') });
    },
  },
];

/** Builds of the package and the chat example what is missing or older than its sources; silent if all goes well. */
export async function buildChat() {
  for (const step of steps) {
    // a step reads what the one before it wrote
    if (isStale(step)) await step.run();
  }
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
  return files.reduce(
    (newest, file) => Math.max(newest, statSync(path.join(place, file)).mtimeMs),
    stats.mtimeMs,
  );
}

/** @param {string} project */
function compile(project) {
  const tsc = path.join(repository, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], {
    cwd: repository,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${project} does not compile`);
}
