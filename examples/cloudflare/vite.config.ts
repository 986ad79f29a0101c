import { defineConfig } from 'vite';

/** One file for workerd. */
export default defineConfig({
  logLevel: 'warn',
  build: {
    lib: { entry: 'worker.mjs', formats: ['es'], fileName: 'worker' },
    rollupOptions: { output: { codeSplitting: false } },
  },
});
