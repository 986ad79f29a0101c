import { fileURLToPath } from 'node:url';

import { build } from 'vite';
import { describe, expect, it } from 'vitest';

/** What a bundler that knows no Node makes of `entry`, and which modules went in. */
async function bundle(entry: string): Promise<{ readonly code: string; readonly modules: string }> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      lib: {
        entry: fileURLToPath(new URL(`../../src/${entry}`, import.meta.url)),
        formats: ['es'],
        fileName: 'bundle',
      },
    },
  });
  const chunks = [built].flat().flatMap((each) => ('output' in each ? each.output : []));
  const code = chunks.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('\n');
  const modules = chunks.flatMap((chunk) =>
    chunk.type === 'chunk' ? chunk.imports.concat(chunk.moduleIds) : [],
  );
  return { code, modules: modules.join('\n') };
}

describe('what runs without Node', () => {
  it.each([
    'server/index.ts',
    'broker/memory.ts',
    'migrate/graphql-subscriptions.ts',
    'migrate/graphql-yoga.ts',
    'adapters/fetch.ts',
    'adapters/hono.ts',
    'adapters/deno.ts',
    'adapters/cloudflare.ts',
  ])('%s needs no module of Node, and nothing of Node that is global', async (entry) => {
    const { code, modules } = await bundle(entry);

    expect(modules).toContain(entry);
    expect(modules).not.toMatch(/^node:|browser-external|node_modules\/ws\//m);
    expect(code).not.toMatch(
      /\bBuffer\.(?:from|alloc|concat|byteLength)|\bprocess\.(?:on|nextTick|hrtime|report)\b/,
    );
  });
});
