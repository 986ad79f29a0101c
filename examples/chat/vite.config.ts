import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const pages = fileURLToPath(new URL('pages/', import.meta.url));

export default defineConfig({
  root: pages,
  logLevel: 'warn',
  build: {
    outDir: fileURLToPath(new URL('dist/pages/', import.meta.url)),
    emptyOutDir: true,
    // GraphiQL is one large page that nobody has to download twice.
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      // Directives of React's server components mean nothing in a browser.
      checks: { moduleLevelDirective: false },
      input: [`${pages}index.html`, `${pages}graphiql/index.html`],
    },
  },
});
