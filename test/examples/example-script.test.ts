import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/example.mjs', import.meta.url));

it.each([
  [[], 'Usage: npm run example -- <app>; the apps are react, apollo, urql, relay, cluster\n'],
  [['vue'], 'There is no app "vue"; the apps are react, apollo, urql, relay, cluster\n'],
])('npm run example says what it can start when it gets %o', (values, complaint) => {
  const { status, stderr } = spawnSync(process.execPath, [script, ...values], { encoding: 'utf8' });

  expect({ status, stderr }).toEqual({ status: 1, stderr: complaint });
});
