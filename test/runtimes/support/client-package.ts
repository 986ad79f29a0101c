import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

import manifest from '../../../package.json' with { type: 'json' };

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const programs = fileURLToPath(new URL('../programs/', import.meta.url));

/** A folder with a program of the suite, where the package is installed as users have it: runtimes find its entry points by themselves. */
export interface InstalledProgram {
  readonly folder: string;
  readonly file: string;
  remove(): Promise<void>;
}

/** Builds the package from its sources, installs it into a folder, and puts `programs/client-process.ts` there. */
export async function installProgram(): Promise<InstalledProgram> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-client-'));
  const modules = path.join(folder, 'node_modules');
  const installed = path.join(modules, 'millrace');
  const file = path.join(folder, 'program.mjs');
  await mkdir(installed, { recursive: true });
  await Promise.all([
    compile(path.join(installed, 'dist')),
    copyFile(path.join(repository, 'package.json'), path.join(installed, 'package.json')),
    symlink(path.join(repository, 'node_modules/ws'), path.join(modules, 'ws')),
    writeFile(
      path.join(folder, 'package.json'),
      JSON.stringify({ type: 'module', dependencies: { millrace: manifest.version } }),
    ),
    bundleProgram('client-process', { external: [/^millrace/, /^node:/] }).then((code) =>
      writeFile(file, code),
    ),
  ]);
  return { folder, file, remove: () => rm(folder, { recursive: true, maxRetries: 5 }) };
}

/** A program in one file with the entry points of the client that bundlers take who know no Node. */
export function bundleForBrowsers(program: string): Promise<string> {
  const alias = Object.entries(manifest.exports).map(([name, target]) => ({
    find: new RegExp(`^millrace${name.slice(1)}$`),
    replacement: path.join(
      repository,
      (typeof target === 'string' ? target : target.default)
        .replace('./dist/', 'src/')
        .replace('.js', '.ts'),
    ),
  }));
  return bundleProgram(program, { alias });
}

async function bundleProgram(
  program: string,
  options: {
    readonly external?: RegExp[];
    readonly alias?: { find: RegExp; replacement: string }[];
  },
): Promise<string> {
  const { external = [], alias = [] } = options;
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { alias },
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry: path.join(programs, `${program}.ts`), formats: ['es'], fileName: 'program' },
      rollupOptions: { external, output: { codeSplitting: false } },
    },
  });
  const [bundle] = [built].flat();
  if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was bundled');
  return bundle.output[0].code;
}

/** As a release is compiled; whether the types are right is asked elsewhere. */
async function compile(to: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      path.join(repository, 'node_modules/typescript/bin/tsc'),
      '--project',
      'tsconfig.build.json',
      '--outDir',
      to,
      '--noEmitOnError',
      'false',
    ],
    { cwd: repository, stdio: 'ignore' },
  );
  await once(child, 'exit');
}
