/**
 * Ordinary life: WebSocket clients that stay, clients of both transports that come and go in several ways, events all the time. At the end nothing may have been lost, and what was
 * taken must have been given back.
 *
 *     node bench/soak.mjs [--minutes 30] [--clients 1000] [--churn 100] [--rate 20] [--short]
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from './harness/flags.mjs';
import { defaultTextBytes, formatTable } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';
import { untilConnections } from './harness/until-connections.mjs';
import { Churn } from './soak/churn.mjs';
import { faultsOfDelivery, faultsOfMemory, inMebibytes } from './soak/faults.mjs';

/** @typedef {import('./harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('./harness/server-process.mjs').ServerProcess} ServerProcess */

const flags = readFlags(
  { minutes: 30, clients: 1_000, churn: 100, rate: 20 },
  { minutes: 0.5, clients: 500, churn: 50 },
);
const samples = 15;
/** As many as a log of Millrace holds unless told otherwise: so its memory is full from the beginning. */
const rehearsedEvents = 1_000;
const rehearsalMs = 5_000;
/** Until what was written has been read, on one machine. */
const settleMs = 2_000;

await runBench('soak', async (lab) => {
  const server = await lab.start('millrace');
  const life = await live(lab, server);
  console.log(
    `\n${life.faults.length === 0 ? 'nothing lost, nothing kept' : life.faults.join('\n')}`,
  );
  if (life.faults.length > 0) process.exitCode = 1;
  return { ...flags, ...life };
});

/**
 * @param {Lab} lab
 * @param {ServerProcess} server
 */
async function live(lab, server) {
  await rehearse(lab, server);
  const atFirst = await server.gc();
  const clients = await lab.connect(server, { clients: flags.clients, allowClose: true });
  const countBefore = await clients.count();
  const { rssBytes: rssWithAllBytes, seq: seqBefore } = await server.gc();
  const { timeline, churned } = await withChurn(server, () => watch(server));
  await untilConnections(server, flags.clients);
  await sleep(settleMs);
  const count = await clients.count();
  await clients.close();
  await untilConnections(server, 0);
  const atLast = await server.gc();
  const faults = [
    ...churned.faults,
    ...faultsOfDelivery(countBefore, count, atLast.seq - seqBefore),
    ...faultsOfMemory({ atFirst, atLast, rssWithAllBytes }),
  ];
  const delivered = count.messages - countBefore.messages;
  console.log(
    `\n${delivered.toLocaleString('en')} events to ${flags.clients} who stayed, ` +
      `${churned.events.toLocaleString('en')} to ${churned.clients.toLocaleString('en')} who came and went; heap ` +
      `${inMebibytes(atFirst.heapUsedBytes ?? NaN)} before, ${inMebibytes(atLast.heapUsedBytes ?? NaN)} after`,
  );
  return { faults, count, churned, atFirst, atLast, rssWithAllBytes, timeline };
}

/**
 * Everything that will happen once, so that memory that is taken once has been taken.
 *
 * @param {Lab} lab
 * @param {ServerProcess} server
 */
async function rehearse(lab, server) {
  const clients = await lab.connect(server, { clients: flags.clients });
  await withChurn(server, () => sleep(rehearsalMs));
  server.publish('r0', rehearsedEvents, defaultTextBytes);
  await sleep(settleMs);
  await clients.close();
  await untilConnections(server, 0);
}

/**
 * Events and churn for as long as `work` takes.
 *
 * @template Result
 * @param {ServerProcess} server
 * @param {() => Promise<Result>} work
 */
async function withChurn(server, work) {
  const churn = new Churn(server.announcement.port, flags.churn);
  const publish = () => server.publish('r0', 1, defaultTextBytes);
  const publishing = setInterval(publish, 1_000 / flags.rate);
  const timeline = await work();
  clearInterval(publishing);
  return { timeline, churned: await churn.stop() };
}

/**
 * Prints a line now and then.
 *
 * @param {ServerProcess} server
 */
async function watch(server) {
  const periodMs = (flags.minutes * 60_000) / samples;
  const timeline = [];
  let before = await server.stats();
  for (let i = 1; i <= samples; i += 1) {
    await sleep(periodMs);
    const now = await server.stats();
    timeline.push({
      minute: (i * flags.minutes) / samples,
      share: shareOf(before, now, periodMs),
      ...now,
    });
    before = now;
  }
  console.log(
    formatTable(
      ['minute', 'RSS', 'JS heap', 'connections', '% of a core', 'longest turn ms'],
      timeline.map(({ minute, share, rssBytes, heapUsedBytes, connections, maxDelayMs }) => [
        minute.toFixed(2),
        inMebibytes(rssBytes),
        inMebibytes(heapUsedBytes ?? NaN),
        String(connections),
        (share * 100).toFixed(1),
        (maxDelayMs ?? NaN).toFixed(0),
      ]),
    ),
  );
  return timeline;
}

/**
 * @param {import('./harness/server-process.mjs').ServerStats} before
 * @param {import('./harness/server-process.mjs').ServerStats} now
 * @param {number} periodMs
 */
function shareOf(before, now, periodMs) {
  return (now.cpuUs - before.cpuUs) / (periodMs * 1_000);
}
