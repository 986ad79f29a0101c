import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { bundle, compile, packageStep, repository, runProgram, runSteps } from './build-steps.mjs';

/** @typedef {import('./build-steps.mjs').Step} Step */

/** The apps that show the live list: folders of `examples/` whose `vite.config.ts` builds pages into `dist/pages`. */
export const apps = ['react', 'apollo', 'urql', 'relay'];

const list = 'examples/live-list';

/** @type {Step} */
const serverStep = {
  inputs: [packageStep.output, list, 'examples/chat/static-pages.ts'],
  output: `${list}/dist/live-list/server.js`,
  run: () => compile(`${list}/tsconfig.build.json`),
};

/** Builds what all the apps share, if it is missing or older than its sources. */
export async function buildListServer() {
  await runSteps([packageStep, serverStep]);
}

/**
 * Builds of the package, the server of the live list and the pages of one app what is missing or older than its sources; silent if all goes well.
 *
 * @param {string} app - One of {@link apps}.
 */
export async function buildExample(app) {
  if (!apps.includes(app)) {
    throw new Error(`There is no app ${JSON.stringify(app)}; the apps are ${apps.join(', ')}`);
  }
  await buildListServer();
  await runSteps([toPagesStep(app)]);
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
