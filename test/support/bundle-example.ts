import { existsSync } from 'node:fs';
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

/** Options of {@link bundleExample}. */
export interface BundleOptions {
  /** The package that it gets for `graphql`. @defaultValue 'graphql' */
  readonly graphql?: string;
  /** The folder of a checkout whose sources it gets for those of the package. @defaultValue this repository */
  readonly checkout?: string;
}

/** Bundles the module `url`; needs no build of the package. */
export async function bundleExample(
  url: string,
  { graphql = 'graphql', checkout = repository }: BundleOptions = {},
): Promise<ExampleBundle> {
  // among the packages, so that those which stay outside are found from there
  const folder = await mkdtemp(path.join(repository, 'node_modules', '.millrace-example-'));
  const entryPoints = await readEntryPoints(repository);
  const present = (await readEntryPoints(checkout)).filter(({ file }) => existsSync(file));
  // what an earlier version lacks stays a name, which nothing but an import at run time can ask for
  const absent = entryPoints.filter(({ name }) => present.every((each) => each.name !== name));
  await build({
    configFile: false,
    root: repository,
    logLevel: 'warn',
    resolve: {
      alias: [
        ...present.map(({ name, file }) => ({ find: new RegExp(`^${name}$`), replacement: file })),
        { find: /^graphql$/, replacement: graphql },
      ],
    },
    ssr: {
      external: [
        graphql,
        'ws',
        'redis',
        'pg',
        '@nats-io/jetstream',
        '@nats-io/transport-node',
        '@graphql-tools/schema',
      ],
    },
    build: {
      ssr: fileURLToPath(url),
      outDir: folder,
      rolldownOptions: {
        external: absent.map(({ name }) => name),
        output: { entryFileNames: '[name].mjs' },
      },
    },
  });
  const { name } = path.parse(fileURLToPath(url));
  return {
    file: path.join(folder, `${name}.mjs`),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The public names of the package with the sources behind them, as a checkout has them. */
async function readEntryPoints(
  checkout: string,
): Promise<readonly { readonly name: string; readonly file: string }[]> {
  const { exports } = JSON.parse(await readFile(path.join(checkout, 'package.json'), 'utf8')) as {
    readonly exports: Record<string, string | { readonly node: string }>;
  };
  return Object.entries(exports).map(([name, target]) => ({
    name: `millrace${name.slice(1)}`,
    file: path.join(
      checkout,
      (typeof target === 'string' ? target : target.node)
        .replace('./dist/', './src/')
        .replace('.js', '.ts'),
    ),
  }));
}
