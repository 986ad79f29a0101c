import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { bundle, compile, packageStep, repository, runProgram, runSteps } from './build-steps.mjs';

/** @typedef {import('./build-steps.mjs').Step} Step */

/** Folders of `examples/` whose `vite.config.ts` builds pages into `dist/pages`: four that show the live list, and the cluster. */
export const apps = ['react', 'apollo', 'urql', 'relay', 'cluster'];

const list = 'examples/live-list';
const cluster = 'examples/cluster';

/** @type {Step} */
const serverStep = {
  inputs: [packageStep.output, list, 'examples/chat/static-pages.ts'],
  output: `${list}/dist/live-list/server.js`,
  run: () => compile(`${list}/tsconfig.build.json`),
};

/** @type {Step} */
const clusterStep = {
  inputs: [packageStep.output, cluster, 'examples/chat/static-pages.ts'],
  output: `${cluster}/dist/cluster/start.js`,
  run: () => compile(`${cluster}/tsconfig.build.json`),
};

/** Builds what the apps of the live list share, if it is missing or older than its sources. */
export async function buildListServer() {
  await runSteps([packageStep, serverStep]);
}

/**
 * Builds of the package, the server and the pages of one app what is missing or older than its sources; silent if all goes well.
 *
 * @param {string} app - One of {@link apps}.
 * @returns {Promise<URL>} the program that starts it
 */
export async function buildExample(app) {
  if (!apps.includes(app)) {
    throw new Error(`There is no app ${JSON.stringify(app)}; the apps are ${apps.join(', ')}`);
  }
  const serverStepOfApp = app === 'cluster' ? clusterStep : serverStep;
  await runSteps([packageStep, serverStepOfApp, toPagesStep(app)]);
  return new URL(`../${serverStepOfApp.output}`, import.meta.url);
}

/**
 * @param {string} app
 * @returns {Step}
 */
function toPagesStep(app) {
  const folder = `examples/${app}`;
  return {
    inputs: ['dist/client/index.js', folder, list, 'package-lock.json'],
    output: `${folder}/dist/pages/index.html`,
    async run() {
      if (app === 'relay') await compileDocuments(folder);
      bundle(folder);
    },
  };
}

/**
 * Has Relay's compiler read the documents of an app, for which it wants the schema as a file.
 *
 * @param {string} folder
 */
async function compileDocuments(folder) {
  const { typeDefs } = await import(
    new URL(`../${list}/dist/live-list/schema.js`, import.meta.url).href
  );
  mkdirSync(path.join(repository, folder, 'dist/artifacts'), { recursive: true });
  writeFileSync(path.join(repository, folder, 'dist/schema.graphql'), typeDefs);
  runProgram(
    ['relay-compiler/cli.js', 'relay.config.json', '--output', 'quiet-with-errors'],
    folder,
    `the documents of ${folder} do not compile`,
  );
}
