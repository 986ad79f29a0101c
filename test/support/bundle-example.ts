import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** An example with the sources of the package in one file that Node can run. */
export interface ExampleBundle {
  readonly file: string;
  remove(): Promise<void>;
}

/** Bundles the module `url`; needs no build of the package. `graphql` names the package that it gets for `graphql`. */
export async function bundleExample(url: string, graphql = 'graphql'): Promise<ExampleBundle> {
  // among the packages, so that those which stay outside are found from there
  const folder = await mkdtemp(path.join(repository, 'node_modules', '.millrace-example-'));
  await build({
    configFile: false,
    root: repository,
    logLevel: 'warn',
    resolve: {
      alias: [...(await readEntryPoints()), { find: /^graphql$/, replacement: graphql }],
    },
    ssr: { external: [graphql, 'ws', 'redis', '@graphql-tools/schema'] },
    build: {
      ssr: fileURLToPath(url),
      outDir: folder,
      rolldownOptions: { output: { entryFileNames: '[name].mjs' } },
    },
  });
  const { name } = path.parse(fileURLToPath(url));
  return {
    file: path.join(folder, `${name}.mjs`),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The public names of the package with the sources behind them. */
async function readEntryPoints(): Promise<{ find: RegExp; replacement: string }[]> {
  const { exports } = JSON.parse(await readFile(path.join(repository, 'package.json'), 'utf8')) as {
    readonly exports: Record<string, string | { readonly node: string }>;
  };
  return Object.entries(exports).map(([name, target]) => ({
    find: new RegExp(`^millrace${name.slice(1)}$`),
    replacement: path.join(
      repository,
      (typeof target === 'string' ? target : target.node)
        .replace('./dist/', './src/')
        .replace('.js', '.ts'),
    ),
  }));
}
