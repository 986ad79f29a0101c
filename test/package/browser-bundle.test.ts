import { fileURLToPath } from 'node:url';

import { build } from 'vite';
import { describe, expect, it } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };

const sources = fileURLToPath(new URL('../../src/', import.meta.url));

/** What a bundler for browsers gets for each entry point of the client. */
const browserEntries = Object.entries(manifest.exports)
  .filter(([name]) => name.startsWith('./client'))
  .map(([name, target]) => [name, typeof target === 'string' ? target : target.default] as const);

function toSource(target: string): string {
  return fileURLToPath(
    new URL(`../../${target.replace('./dist/', 'src/').replace('.js', '.ts')}`, import.meta.url),
  );
}

/** The modules that a browser would load for `target`, relative to `src/` where they are ours. */
async function bundledModules(target: string): Promise<readonly string[]> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      // with its exports, as somebody uses them
      lib: { entry: toSource(target), formats: ['es'], fileName: 'bundle' },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  return outputs
    .flatMap((bundle) => ('output' in bundle ? bundle.output : []))
    .flatMap((chunk) => (chunk.type === 'chunk' ? chunk.imports.concat(chunk.moduleIds) : []))
    .map((module) => module.replace(sources, ''));
}

const ours = /^(?:client|protocol)\/|^(?:vocabulary|errors)\.ts$/;

describe('what a browser loads', () => {
  it.each(browserEntries)(
    'of %s is ours alone: no `ws`, nothing of Node',
    async (_name, target) => {
      const modules = await bundledModules(target);

      expect(modules.filter((module) => !ours.test(module))).toEqual([]);
      expect(modules).not.toEqual([]);
    },
  );

  it.each(browserEntries)('of %s is only the client', async (_name, target) => {
    const modules = await bundledModules(target);

    expect(modules.filter((module) => /server|node/.test(module))).toEqual([]);
  });

  it('is told apart from what Node loads, which has `ws`', async () => {
    const modules = await bundledModules(manifest.exports['./client/websocket'].node);

    expect(modules.some((module) => module.includes('node_modules/ws/'))).toBe(true);
    expect(modules).toContain('client/transports/node-socket.ts');
  });
});
