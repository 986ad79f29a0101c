import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly exports: Record<string, string>;
};

/** Tests import the package by its public names and get the sources behind them. */
const entryPoints = Object.entries(manifest.exports)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([name, target]) => ({
    find: new RegExp(`^millrace${name.slice(1)}$`),
    replacement: fileURLToPath(
      new URL(target.replace('./dist/', './src/').replace('.js', '.ts'), import.meta.url),
    ),
  }));

export default defineConfig({
  resolve: { alias: entryPoints },
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    include: ['test/**/*.test.ts'],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
  },
});
