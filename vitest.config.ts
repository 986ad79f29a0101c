import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import { proxyPaths } from './test/proxies/support/proxy-paths.ts';
import { chromiumPath } from './test/support/chromium-path.ts';
import { firefoxPath } from './test/support/firefox-path.ts';
import { hasNatsServer } from './test/support/nats-server.ts';
import { hasPgBouncer } from './test/support/pgbouncer.ts';
import { hasPostgresServer } from './test/support/postgres-server.ts';
import { hasRedis, hasRedisServer } from './test/support/redis-server.ts';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly exports: Record<string, string | { readonly node: string }>;
};

/** Tests import the package by its public names and get the sources behind them. */
const entryPoints = Object.entries(manifest.exports)
  .map(([name, target]) => [name, typeof target === 'string' ? target : target.node] as const)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([name, target]) => ({
    find: new RegExp(`^millrace${name.slice(1)}$`),
    replacement: fileURLToPath(
      new URL(target.replace('./dist/', './src/').replace('.js', '.ts'), import.meta.url),
    ),
  }));

const onCi = Boolean(process.env['CI']);

/**
 * Tests that need something which not every machine has. What is missing fails where `CI` is set and is announced elsewhere:
 * nothing is left out in silence.
 */
const demanding = [
  {
    folder: 'interop',
    available: existsSync(new URL('test/interop/node_modules', import.meta.url)),
    remedy: 'npm run interop:install',
  },
  {
    folder: 'runtimes',
    available: existsSync(new URL('test/runtimes/node_modules', import.meta.url)),
    remedy: 'npm run runtimes:install',
  },
  {
    folder: 'browser',
    available: existsSync(chromiumPath),
    remedy: `install Chromium, or set CHROMIUM_PATH (now ${chromiumPath})`,
  },
  {
    folder: 'proxies',
    available: Object.values(proxyPaths).every((executable) => existsSync(executable)),
    remedy: `install nginx and HAProxy, or set NGINX_PATH and HAPROXY_PATH (now ${Object.values(proxyPaths).join(' and ')})`,
  },
] as const;

/** As those, among other tests. */
const redisTests = {
  include: [
    'test/broker/redis*.test.ts',
    'test/adapters/gateway-redis.test.ts',
    'test/adapters/workers-redis.test.ts',
    'test/adapters/revocation-redis.test.ts',
    'test/migrate/graphql-redis-subscriptions.test.ts',
    'test/browser/chat-redis.browser.test.ts',
  ],
  available: await hasRedis(),
  remedy: 'install redis-server',
} as const;

/** Some of them start servers of their own. */
const natsTests = {
  include: ['test/broker/nats*.test.ts'],
  available: hasNatsServer(),
  remedy: 'install nats-server',
} as const;

/** As those. */
const postgresTests = {
  include: ['test/broker/postgres*.test.ts'],
  available: hasPostgresServer(),
  remedy: 'install postgresql',
} as const;

/** Of these, those with a pooler between. */
const pgbouncerTests = {
  include: ['test/broker/postgres-pgbouncer.test.ts'],
  available: hasPgBouncer(),
  remedy: 'install pgbouncer',
} as const;

/** Of the tests with a browser, those with another one. */
const firefoxTests = {
  include: ['test/browser/*-firefox.browser.test.ts'],
  available: existsSync(firefoxPath),
  remedy: `install Firefox, or set FIREFOX_PATH (now ${firefoxPath})`,
} as const;

/** Of the tests with a browser, those that start three servers, a balancer and a broker. */
const clusterTests = {
  include: ['test/browser/cluster-*.browser.test.ts'],
  available:
    existsSync(proxyPaths.haproxy) && hasRedisServer() && hasNatsServer() && hasPostgresServer(),
  remedy: `install HAProxy, or set HAPROXY_PATH (now ${proxyPaths.haproxy}), redis-server, nats-server and postgresql`,
} as const;

/** Of the ledger the checker needs nothing, and is among the other tests. */
const ledgerTests = {
  include: 'test/ledger/**/*.ledger.test.ts',
  available: hasRedisServer() && hasNatsServer() && hasPostgresServer(),
  remedy: 'install redis-server, nats-server and postgresql',
} as const;

const announcements = [
  ...demanding.map((tests) => ({ ...tests, place: `test/${tests.folder}` })),
  { ...redisTests, place: redisTests.include.join(' and ') },
  { ...natsTests, place: natsTests.include.join(' and ') },
  { ...postgresTests, place: postgresTests.include.join(' and ') },
  { ...pgbouncerTests, place: pgbouncerTests.include.join(' and ') },
  { ...firefoxTests, place: firefoxTests.include.join(' and ') },
  { ...clusterTests, place: clusterTests.include.join(' and ') },
  { ...ledgerTests, place: ledgerTests.include },
]
  .filter(({ available }) => !available)
  .map(({ place, remedy }) => `${place} cannot run here: ${remedy}`);
const leftOut = [
  redisTests,
  natsTests,
  postgresTests,
  pgbouncerTests,
  firefoxTests,
  clusterTests,
].flatMap(({ available, include }) => (available ? [] : include));
if (onCi && announcements.length > 0) throw new Error(announcements.join('\n'));

const demandingProjects = demanding
  .filter(({ available }) => available)
  .map(({ folder }) => ({
    extends: true as const,
    test: {
      name: folder,
      include: [`test/${folder}/**/*.${folder}.test.ts`],
      exclude: ['**/node_modules/**', ...leftOut],
      ...(folder === 'browser' && { globalSetup: 'test/support/chat-build.ts' }),
      testTimeout: 30_000,
      hookTimeout: 60_000,
    },
  }));

const graphql16 = { find: /^graphql$/, replacement: 'graphql-16' } as const;

/** Plans whose selections are all written as JavaScript, on both versions of graphql. */
const generatingProjects = [
  { name: 'generated-code', alias: entryPoints },
  { name: 'generated-code-16', alias: [...entryPoints, graphql16] },
].map(({ name, alias }) => ({
  extends: true as const,
  resolve: { alias },
  test: {
    name,
    setupFiles: ['test/support/generate-at-once.ts'],
    include: [
      'test/execution/compiled-*.test.ts',
      'test/property/compiled-*.test.ts',
      'test/differential/**/*.test.ts',
    ],
  },
}));

/** They wait for one server of three to be chosen in the moment in which it is behind, which a busy machine may miss for minutes: run with `LAGGING_CLUSTER=1`. */
const lagTests =
  process.env['LAGGING_CLUSTER'] === undefined ? ['test/broker/nats-cluster-lag.test.ts'] : [];

export default defineConfig({
  resolve: { alias: entryPoints },
  test: {
    // this file is evaluated once per project, the reporter is made once
    reporters: ['default', ['./test/support/summary-reporter.ts', { announcements }]],
    allowOnly: !onCi,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [
            '**/node_modules/**',
            ...demanding.map(({ folder }) => `test/${folder}/**`),
            ledgerTests.include,
            ...lagTests,
            ...leftOut,
          ],
        },
      },
      {
        // the server on the oldest graphql that is supported; incremental delivery came with 17
        resolve: { alias: [...entryPoints, graphql16] },
        test: {
          name: 'graphql-16',
          include: [
            'test/server/**/*.test.ts',
            'test/differential/**/*.test.ts',
            'test/transcripts/server.test.ts',
            'test/execution/compiled-*.test.ts',
            'test/property/compiled-*.test.ts',
            'test/migrate/**/*.test.ts',
          ],
          exclude: ['test/server/incremental-delivery*.test.ts', ...leftOut],
        },
      },
      {
        // all tests that have a server in their process, on graphql-js instead of plans. Left out: those that execute nothing
        // (protocol, stream, scripted peers of clients), `memory`, whose bounds are those of plans, and the demanding ones and the
        // ledger: most of their servers are programs of their own, and what they send these have shown
        extends: true,
        test: {
          name: 'reference-engine',
          setupFiles: ['test/support/reference-engine.ts'],
          include: [
            'test/{server,differential,adapters,faults,links}/**/*.test.ts',
            'test/transcripts/server.test.ts',
            'test/client/*-{server,millrace,runtimes}.test.ts',
            'test/client/{compression,react-native,uploads-refused}.test.ts',
            'test/property/{sharing,resume,resume-client,compression-garbage}.test.ts',
            'test/testing/{memory-web-socket,tcp-proxy}.test.ts',
            'test/broker/redis-scale-out.test.ts',
          ],
          exclude: [...leftOut, 'test/server/execution-engine.test.ts'],
        },
      },
      ...generatingProjects,
      ...demandingProjects,
      ...(ledgerTests.available
        ? [
            {
              extends: true as const,
              test: {
                name: 'ledger',
                include: [ledgerTests.include],
                maxConcurrency: 3,
                testTimeout: 600_000,
                hookTimeout: 60_000,
              },
            },
          ]
        : []),
    ],
  },
});
