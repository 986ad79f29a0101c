/**
 * What a connection costs the server until it is subscribed: handshake, init, acknowledgement, subscribe.
 *
 *     node bench/connect.mjs [--clients 1000] [--rounds 5] [--warmUps 3] [--candidates millrace,graphql-ws] [--short]
 */
import { readFlags } from './harness/flags.mjs';
import { alternate, candidates, formatTable, median, requireCandidates } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';
import { untilConnections } from './harness/until-connections.mjs';

const flags = readFlags(
  {
    clients: 1_000,
    rounds: 5,
    warmUps: 3,
    candidates: [
      'millrace',
      'graphql-ws',
      'graphql-ws-jit',
      'mercurius',
      'subscriptions-transport-ws',
      'millrace-sse',
      'graphql-sse',
      'graphql-yoga',
    ],
  },
  { rounds: 3, candidates: ['millrace', 'graphql-ws'] },
);

await runBench('connect', async (lab) => {
  /** @type {Map<string, Awaited<ReturnType<typeof lab.start>>>} */
  const servers = new Map();
  const names = requireCandidates(flags.candidates);
  for (const name of names) servers.set(name, await lab.start(name));

  const rounds = await alternate(flags.warmUps + flags.rounds, names, async (name) => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`${name} was not started`);
    const clients = await lab.connect(server, { clients: flags.clients });
    await clients.close();
    await untilConnections(server, 0);
    return clients.ready;
  });

  const results = [...rounds].map(([name, ready]) => {
    const warm = ready.slice(flags.warmUps);
    return {
      name,
      isStream: servers.get(name)?.announcement.transport === 'sse',
      serverCpuPerConnectionUs: median(warm.map((round) => round.serverCpuPerConnectionUs)),
      wallMs: median(warm.map((round) => round.wallMs)),
      rounds: ready,
    };
  });
  const ownUs = (/** @type {boolean} */ isStream) =>
    results.find(({ name }) => name === (isStream ? 'millrace-sse' : 'millrace'))
      ?.serverCpuPerConnectionUs ?? NaN;
  console.log(
    formatTable(
      ['connect + init + subscribe', 'server CPU us', 'ours by theirs', 'wall ms'],
      results.map(({ name, isStream, serverCpuPerConnectionUs, wallMs }) => [
        candidates[name].label,
        serverCpuPerConnectionUs.toFixed(1),
        `${(ownUs(isStream) / serverCpuPerConnectionUs).toFixed(2)}x`,
        wallMs.toFixed(0),
      ]),
    ),
  );
  return { clients: flags.clients, results };
});
