/**
 * What it costs to keep idle connections alive: a ping each 12 s to every one, and the pongs.
 *
 *     node bench/keep-alive.mjs [--clients 15000] [--seconds 36] [--candidates millrace,graphql-ws] [--short]
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from './harness/flags.mjs';
import { candidates, formatTable, requireCandidates } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';

const flags = readFlags(
  {
    clients: 15_000,
    seconds: 36,
    candidates: [
      'millrace',
      'graphql-ws',
      'mercurius',
      'millrace-sse',
      'graphql-sse',
      'graphql-yoga',
    ],
  },
  { seconds: 25, candidates: ['millrace', 'graphql-ws'] },
);
/** One period of every candidate: the work that connecting has left behind is done then, and the pings have begun. */
const settleMs = 13_000;

await runBench('keep-alive', async (lab) => {
  const results = [];
  for (const name of requireCandidates(flags.candidates)) results.push(await measure(lab, name));
  console.log(
    formatTable(
      ['idle connections, 12 s ping', '% of a core', 'us per connection and period', 'connections'],
      results.map(({ name, share, perPeriodUs }) => [
        candidates[name].label,
        (share * 100).toFixed(2),
        perPeriodUs.toFixed(1),
        String(flags.clients),
      ]),
    ),
  );
  return { clients: flags.clients, seconds: flags.seconds, results };
});

/**
 * @param {import('./harness/run-bench.mjs').Lab} lab
 * @param {import('./harness/candidates.mjs').CandidateName} name
 */
async function measure(lab, name) {
  const server = await lab.start(name);
  const clients = await lab.connect(server, { clients: flags.clients });
  await sleep(settleMs);
  const before = await server.stats();
  const begin = performance.now();
  await sleep(flags.seconds * 1_000);
  const after = await server.stats();
  const wallUs = (performance.now() - begin) * 1_000;
  const { closed } = await clients.count();
  if (closed > 0) throw new Error(`${name} closed ${closed} idle connections`);
  await clients.close();
  await server.stop();
  const share = (after.cpuUs - before.cpuUs) / wallUs;
  return { name, share, perPeriodUs: (share * 12e6) / flags.clients, before, after };
}
