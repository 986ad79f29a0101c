import { apps, buildExample } from './build-example.mjs';

const [, , app] = process.argv;

try {
  if (app === undefined) {
    throw new Error(`Usage: npm run example -- <app>; the apps are ${apps.join(', ')}`);
  }
  const program = await buildExample(app);
  // in this very process, so that Ctrl-C reaches the server and nobody else
  await import(program.href);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
