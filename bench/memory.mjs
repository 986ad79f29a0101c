/**
 * What an idle, subscribed connection makes the server's process hold.
 *
 *     node bench/memory.mjs [--clients 15000] [--candidates millrace,graphql-ws] [--short]
 *
 * The resident memory after garbage collection with all subscribed, less that before, by the number of connections. Before means: after some
 * clients have come and gone, so that code which is compiled once is not taken for a connection's.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from './harness/flags.mjs';
import { candidates, formatTable, requireCandidates } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';
import { untilConnections } from './harness/until-connections.mjs';

const flags = readFlags(
  {
    clients: 15_000,
    candidates: [
      'millrace',
      'graphql-ws',
      'mercurius',
      'millrace-sse',
      'graphql-sse',
      'graphql-yoga',
    ],
  },
  { candidates: ['millrace', 'graphql-ws', 'millrace-sse', 'graphql-sse'] },
);
const warmUpClients = 500;
/** What a connection leaves to timers and to the next turns has been done by then. */
const settleMs = 1_000;

await runBench('memory', async (lab) => {
  const results = [];
  for (const name of requireCandidates(flags.candidates)) results.push(await measure(lab, name));
  console.log(
    formatTable(
      ['idle subscribed connection', 'resident bytes', 'of them JS heap', 'connections'],
      results.map(({ name, rssPerConnectionBytes, heapPerConnectionBytes }) => [
        candidates[name].label,
        rssPerConnectionBytes.toFixed(0),
        heapPerConnectionBytes.toFixed(0),
        String(flags.clients),
      ]),
    ),
  );
  return { clients: flags.clients, results };
});

/**
 * @param {import('./harness/run-bench.mjs').Lab} lab
 * @param {import('./harness/candidates.mjs').CandidateName} name
 */
async function measure(lab, name) {
  const server = await lab.start(name);
  const first = await lab.connect(server, { clients: warmUpClients });
  await first.close();
  await untilConnections(server, 0);
  await sleep(settleMs);
  const before = await server.gc();
  const clients = await lab.connect(server, { clients: flags.clients });
  await sleep(settleMs);
  const after = await server.gc();
  await clients.close();
  await server.stop();
  const perConnection = (/** @type {number} */ bytes) => bytes / flags.clients;
  return {
    name,
    rssPerConnectionBytes: perConnection(after.rssBytes - before.rssBytes),
    heapPerConnectionBytes: perConnection(
      (after.heapUsedBytes ?? NaN) - (before.heapUsedBytes ?? NaN),
    ),
    before,
    after,
  };
}
