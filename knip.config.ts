import { readFileSync } from 'node:fs';

import type { KnipConfig } from 'knip';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly exports: Record<string, string | Readonly<Record<string, string>>>;
};

/** The sources of what the package exports: their exports are for others to use. */
const entryPoints = Object.values(manifest.exports)
  .flatMap((target) => (typeof target === 'string' ? target : Object.values(target)))
  .filter((target) => target.endsWith('.js'))
  .map((target) => target.replace('./dist/', 'src/').replace('.js', '.ts'));

const config: KnipConfig = {
  entry: [
    ...entryPoints,
    'lint/*.js',
    'scripts/*.mjs',
    'examples/{fetch,hono,bun,deno,fastify,express}/server.mjs',
    'examples/cloudflare/{worker.mjs,vite.config.ts}',
    'examples/workers/server.mjs',
    'examples/chat/server.ts',
    'examples/chat/vite.config.ts',
    'examples/chat/pages/**/main.ts',
    'examples/live-list/server.ts',
    'examples/cluster/{start.ts,server.ts,vite.config.ts,pages/main.ts}',
    'examples/{react,relay,apollo,urql}/{main.tsx,vite.config.ts}',
    'test/**/*.test.ts',
    'test/browser/tabs/{page,worker}.ts',
    'test/runtimes/programs/*.ts',
  ],
  project: ['{src,test,lint,scripts,examples}/**/*.{js,mjs,ts,tsx}'],
  ignore: ['test/interop/**'],
  // of Debian's package; tests start one where none answers
  ignoreBinaries: ['nats-server', 'redis-server'],
  ignoreExportsUsedInFile: true,
};

export default config;
