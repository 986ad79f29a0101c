import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const artifacts = fileURLToPath(new URL('dist/artifacts/', import.meta.url));

/** Does what `babel-plugin-relay` does where there is Babel: puts what the compiler made in the place of each document. */
function relay(): Plugin {
  return {
    name: 'relay',
    enforce: 'pre',
    transform: {
      filter: { id: /\.tsx?$/, code: 'graphql`' },
      handler(code) {
        const names: string[] = [];
        const body = code.replace(
          /graphql`\s*(?:query|mutation|subscription|fragment)\s+(\w+)[^`]*`/g,
          (_, name: string) => `document${names.push(name)}`,
        );
        const imports = names.map(
          (name, index) =>
            `import document${index + 1} from ${JSON.stringify(`${artifacts}${name}.graphql.ts`)};`,
        );
        return { code: `${imports.join('')}${body}`, map: null };
      },
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'warn',
  plugins: [relay(), react()],
  build: {
    outDir: 'dist/pages',
    emptyOutDir: true,
    // React, and Relay with its store
    chunkSizeWarningLimit: 1_000,
  },
});
