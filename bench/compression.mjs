/**
 * What compression costs: messages to 1,000 clients that get the same, and to 1,000 that share nothing, compressed and not, beside the compression of ws;
 * and the memory of a connection that uses it.
 *
 *     node bench/compression.mjs [--short] [--rounds 7] [--seconds 1] [--texts 68,1024,4096] [--clients 1000] [--held 5000]
 *
 * Every client offers what Chromium offers, and inflates what it gets.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { readFlags } from './harness/flags.mjs';
import { alternate, candidates, formatTable, median } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';
import { untilConnections } from './harness/until-connections.mjs';

/** @typedef {import('./harness/candidates.mjs').CandidateName} CandidateName */
/** @typedef {import('./harness/clients.mjs').Clients} Clients */
/** @typedef {import('./harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('./harness/server-process.mjs').ServerProcess} ServerProcess */

/**
 * @typedef {object} Row
 * @property {CandidateName} candidate
 * @property {boolean} unicast
 * @property {number} textBytes
 * @property {number} cpuPerMessageUs median of the rounds
 * @property {number} frameBytes
 * @property {readonly number[]} samples
 */

const flags = readFlags(
  { rounds: 7, seconds: 1, texts: ['68', '1024', '4096'], clients: 1_000, held: 5_000 },
  { rounds: 3, texts: ['1024'] },
);

/** @type {readonly CandidateName[]} */
const names = ['millrace', 'millrace-compressed', 'graphql-ws', 'graphql-ws-compressed'];
const warmUpClients = 500;
/** What a connection leaves to timers and to the next turns has been done by then. */
const settleMs = 1_000;
/** The contexts of ws take so much that more would not fit everywhere. */
const mostWithContexts = 1_000;

await runBench('compression', async (lab) => {
  const rows = [
    ...(await measureMessages(lab, 'one room')),
    ...(await measureMessages(lab, 'a room each')),
  ];
  const memory = [];
  for (const name of names) memory.push(await measureMemory(lab, name));
  console.log(
    formatTable(
      [
        'subscribed connection that got one event',
        'resident bytes',
        'of them JS heap',
        'connections',
      ],
      memory.map(({ name, rssPerConnectionBytes, heapPerConnectionBytes, connections }) => [
        candidates[name].label,
        rssPerConnectionBytes.toFixed(0),
        heapPerConnectionBytes.toFixed(0),
        String(connections),
      ]),
    ),
  );
  console.log(`\nmedians of ${flags.rounds} rounds`);
  return { clients: flags.clients, rounds: flags.rounds, rows, memory };
});

/** @param {CandidateName} name */
function isCompressed(name) {
  return name.endsWith('-compressed');
}

/**
 * @param {Lab} lab
 * @param {'one room' | 'a room each'} rooms
 * @returns {Promise<Row[]>}
 */
async function measureMessages(lab, rooms) {
  const unicast = rooms === 'a room each';
  /** @type {Map<CandidateName, { server: ServerProcess, clients: Clients }>} */
  const connected = new Map();
  for (const name of names) {
    const server = await lab.start(name);
    const options = { clients: flags.clients, rooms: unicast ? flags.clients : 1 };
    const clients = await lab.connect(server, { ...options, compressed: isCompressed(name) });
    connected.set(name, { server, clients });
  }
  const rows = [];
  for (const textBytes of flags.texts.map(Number)) {
    const results = await alternate(flags.rounds, names, async (name, round) => {
      const warmUpSeconds = round === 0 ? 1 : 0.2;
      const measure = { window: 1, textBytes, warmUpSeconds, seconds: flags.seconds };
      return connected.get(name)?.clients.fanOut(measure);
    });
    const measured = [...results].map(([candidate, all]) => {
      const rounds = all.filter((result) => result !== undefined);
      const samples = rounds.map(({ serverCpuPerMessageUs }) => serverCpuPerMessageUs);
      const frameBytes = median(rounds.map((result) => result.frameBytes));
      return {
        candidate,
        unicast,
        textBytes,
        cpuPerMessageUs: median(samples),
        frameBytes,
        samples,
      };
    });
    console.log(`${formatRows(measured, `${flags.clients} clients, ${rooms}`)}\n`);
    rows.push(...measured);
  }
  for (const { server, clients } of connected.values()) {
    await clients.close();
    await server.stop();
  }
  return rows;
}

/**
 * @param {readonly Row[]} rows of one setting
 * @param {string} setting
 * @returns {string}
 */
function formatRows(rows, setting) {
  const own = rows.find(({ candidate }) => candidate === 'millrace');
  const compressed = rows.find(({ candidate }) => candidate === 'millrace-compressed');
  const heads = [
    'server CPU us/message',
    'least - most',
    'frame bytes',
    'by millrace',
    'by compressed',
  ];
  const table = formatTable(
    ['candidate', ...heads],
    rows.map((row) => [
      candidates[row.candidate].label,
      row.cpuPerMessageUs.toFixed(2),
      `${Math.min(...row.samples).toFixed(2)} - ${Math.max(...row.samples).toFixed(2)}`,
      String(row.frameBytes),
      timesOf(row, own),
      timesOf(row, compressed),
    ]),
  );
  return `${setting}, W = 1, text of ${rows[0]?.textBytes} bytes\n${table}`;
}

/**
 * @param {Row} row
 * @param {Row | undefined} other
 */
function timesOf(row, other) {
  if (other === undefined) return '';
  return `${(row.cpuPerMessageUs / other.cpuPerMessageUs).toFixed(2)}x`;
}

/**
 * @param {Lab} lab
 * @param {CandidateName} name
 */
async function measureMemory(lab, name) {
  const connections =
    name === 'graphql-ws-compressed' ? Math.min(flags.held, mostWithContexts) : flags.held;
  const compressed = isCompressed(name);
  const server = await lab.start(name);
  const first = await lab.connect(server, { clients: warmUpClients, compressed });
  await first.close();
  await untilConnections(server, 0);
  await sleep(settleMs);
  const before = await server.gc();
  const clients = await lab.connect(server, { clients: connections, compressed });
  await sleep(settleMs);
  const after = await server.gc();
  await clients.close();
  await server.stop();
  return {
    name,
    connections,
    rssPerConnectionBytes: (after.rssBytes - before.rssBytes) / connections,
    heapPerConnectionBytes:
      ((after.heapUsedBytes ?? NaN) - (before.heapUsedBytes ?? NaN)) / connections,
  };
}
