/**
 * What clients that stop reading do to the server's memory and to the others.
 *
 *     node bench/stalled-readers.mjs [--clients 10000] [--stalled 1000] [--rate 1] [--seconds 60] [--text 8192] [--candidates millrace,graphql-ws] [--short]
 *
 * Each candidate is measured twice, in processes of their own: with nobody stalled, then with some who never read after they have subscribed.
 * What is published is more than the kernel's buffers and Millrace's outbox can hold for one of them.
 */
import { readFlags } from './harness/flags.mjs';
import { candidates, formatTable, requireCandidates } from './harness/index.mjs';
import { readRssBytes, watchRss } from './harness/resident-memory.mjs';
import { runBench } from './harness/run-bench.mjs';
import { untilConnections } from './harness/until-connections.mjs';

const flags = readFlags(
  {
    clients: 10_000,
    stalled: 1_000,
    rate: 1,
    seconds: 60,
    text: 8_192,
    candidates: ['millrace', 'graphql-ws'],
  },
  { clients: 2_000, stalled: 200, rate: 5, seconds: 15, candidates: ['millrace'] },
);
/** What Millrace may hold for one client that does not read: its `outboxHighWaterBytes`, and a tenth. */
const boundBytes = flags.stalled * 256 * 1_024 * 1.1;
const rehearsalSeconds = 3;
const mebibyte = 2 ** 20;

await runBench('stalled-readers', async (lab) => {
  const results = [];
  for (const name of requireCandidates(flags.candidates)) {
    const reading = await measure(lab, name, 0);
    const stalled = await measure(lab, name, flags.stalled);
    const p99Ratio = stalled.latency.latencyMs.p99 / reading.latency.latencyMs.p99;
    results.push({ name, reading, stalled, p99Ratio });
  }
  console.log(
    formatTable(
      [
        `${flags.stalled} of ${flags.clients} stop reading`,
        'RSS grows MiB',
        'bound MiB',
        'none stalled MiB',
        'cut off',
        'p99 ms of the others',
        'none stalled ms',
      ],
      results.map(({ name, reading, stalled }) => [
        candidates[name].label,
        (stalled.growthBytes / mebibyte).toFixed(1),
        (boundBytes / mebibyte).toFixed(1),
        (reading.growthBytes / mebibyte).toFixed(1),
        String(stalled.cutOff),
        stalled.latency.latencyMs.p99.toFixed(1),
        reading.latency.latencyMs.p99.toFixed(1),
      ]),
    ),
  );
  return { ...flags, boundBytes, results };
});

/**
 * @param {import('./harness/run-bench.mjs').Lab} lab
 * @param {import('./harness/candidates.mjs').CandidateName} name
 * @param {number} stalled
 */
async function measure(lab, name, stalled) {
  const server = await lab.start(name);
  await rehearse(lab, server);
  const clients = await lab.connect(server, { clients: flags.clients, stalled, allowClose: true });
  await server.gc();
  const { pid } = server.announcement;
  const before = readRssBytes(pid);
  const { rate, seconds, text: textBytes } = flags;
  const measured = clients.latency({ rate, seconds, textBytes });
  const { result: latency, peakRssBytes } = await watchRss(pid, measured);
  // the server knows: its farewell waits behind what a stalled client does not read
  const { connections } = await server.stats();
  const cutOff = flags.clients - (connections ?? NaN);
  await clients.close();
  await server.stop();
  return { latency, growthBytes: peakRssBytes - before, cutOff };
}

/**
 * Events of the same size to as many clients, so that what is needed to serve those who read is not taken for what the others cost.
 *
 * @param {import('./harness/run-bench.mjs').Lab} lab
 * @param {import('./harness/server-process.mjs').ServerProcess} server
 */
async function rehearse(lab, server) {
  const clients = await lab.connect(server, { clients: flags.clients });
  await clients.fanOut({
    window: 1,
    textBytes: flags.text,
    warmUpSeconds: 0,
    seconds: rehearsalSeconds,
  });
  await clients.close();
  await untilConnections(server, 0);
}
