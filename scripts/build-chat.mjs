import { bundle, compile, packageStep, runSteps } from './build-steps.mjs';

const chat = 'examples/chat';

/** @type {readonly import('./build-steps.mjs').Step[]} */
const steps = [
  packageStep,
  {
    inputs: [
      packageStep.output,
      `${chat}/memory-rooms.ts`,
      `${chat}/redis-rooms.ts`,
      `${chat}/rooms.ts`,
      `${chat}/schema.ts`,
      `${chat}/server.ts`,
      `${chat}/static-pages.ts`,
      `${chat}/tsconfig.build.json`,
    ],
    output: `${chat}/dist/server.js`,
    run: () => compile(`${chat}/tsconfig.build.json`),
  },
  {
    inputs: [
      'dist/client/index.js',
      `${chat}/pages`,
      `${chat}/vite.config.ts`,
      'package-lock.json',
    ],
    output: `${chat}/dist/pages/index.html`,
    run: () => bundle(chat),
  },
];

/** Builds of the package and the chat example what is missing or older than its sources; silent if all goes well. */
export async function buildChat() {
  await runSteps(steps);
}
