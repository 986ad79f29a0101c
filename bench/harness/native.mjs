import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = fileURLToPath(new URL('../native/', import.meta.url));
const sendLoopSources = ['send-loop.c', 'fail.c'];
const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O2'];

export const generatorPath = `${folder}build/generator`;
export const sendLoopPath = `${folder}build/send-loop`;

/**
 * Compiles the generator and the limit; it takes a second, so that nothing has to find out whether they are up to date.
 *
 * @returns {Promise<void>}
 */
export async function buildNative() {
  await mkdir(`${folder}build`, { recursive: true });
  const names = await readdir(folder);
  const generatorSources = names.filter((name) => name.endsWith('.c') && name !== 'send-loop.c');
  await Promise.all([
    compile(generatorPath, generatorSources),
    compile(sendLoopPath, sendLoopSources),
  ]);
}

/**
 * @param {string} target
 * @param {readonly string[]} sources
 */
async function compile(target, sources) {
  const paths = sources.map((source) => `${folder}${source}`);
  await promisify(execFile)('gcc', [...flags, '-o', target, ...paths, '-lm', '-lz']);
}
