/**
 * How long an event takes from the instant at which it is due until each of 1,000 clients has it: at 10 events/s, and at 600 events/s, which is more than a
 * core can do without coalescing.
 *
 *     node bench/latency.mjs [--short] [--candidates millrace,graphql-ws] [--rounds 5] [--seconds 10] [--clients 1000]
 *                            [--rate 10] [--saturated millrace] [--saturatedRate 600] [--saturatedSeconds 5]
 *
 * The loop is open: events are published when they are due, whatever has become of those before. Only the clients of the candidate that is measured are
 * connected, so that nobody else's pings come between.
 */
import {
  MeasureError,
  alternate,
  candidates,
  formatTable,
  median,
  requireCandidates,
} from './harness/index.mjs';
import { readFlags } from './harness/flags.mjs';
import { runBench } from './harness/run-bench.mjs';

/** @typedef {import('./harness/candidates.mjs').CandidateName} CandidateName */
/** @typedef {import('./harness/clients.mjs').LatencyResult} LatencyResult */
/** @typedef {import('./harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('./harness/server-process.mjs').ServerProcess} ServerProcess */
/** @typedef {{ rate: number, seconds: number }} Load */

/**
 * @typedef {object} Row
 * @property {CandidateName} candidate
 * @property {number} clients
 * @property {number} rate events per second
 * @property {number} lost of all rounds
 * @property {import('./harness/clients.mjs').Quantiles} latencyMs medians of the rounds
 * @property {number} publishLateP99Ms
 * @property {number} serverCpuPerMessageUs
 * @property {readonly LatencyResult[]} samples
 * @property {string} [failure] why there are no figures
 */

const flags = readFlags(
  {
    candidates: ['millrace', 'graphql-ws', 'graphql-ws-jit', 'mercurius', 'send-loop'],
    rounds: 5,
    clients: 1_000,
    rate: 10,
    seconds: 10,
    saturated: ['millrace', 'send-loop-coalescing'],
    saturatedRate: 600,
    saturatedSeconds: 5,
  },
  {
    candidates: ['millrace', 'graphql-ws', 'send-loop'],
    rounds: 3,
    seconds: 5,
    saturated: ['millrace'],
    saturatedSeconds: 3,
  },
);

await runBench('latency', async (lab) => {
  console.log(`${flags.clients} clients, milliseconds from due until received`);
  console.log(`medians of ${flags.rounds} rounds\n`);
  const usual = { rate: flags.rate, seconds: flags.seconds };
  const saturating = { rate: flags.saturatedRate, seconds: flags.saturatedSeconds };
  const rows = [
    ...(await measureAll(lab, flags.candidates, usual)),
    ...(await measureAll(lab, flags.saturated, saturating)),
  ];
  console.log(formatRows(rows));
  return { rounds: flags.rounds, rows };
});

/**
 * @param {Lab} lab
 * @param {readonly string[]} names
 * @param {Load} load
 * @returns {Promise<Row[]>}
 */
async function measureAll(lab, names, load) {
  /** @type {Map<CandidateName, ServerProcess>} */
  const servers = new Map();
  for (const name of requireCandidates(names)) servers.set(name, await lab.start(name));
  const results = await alternate(flags.rounds, [...servers.keys()], async (name) => {
    const server = servers.get(name);
    return server === undefined ? new MeasureError('no server') : measureOnce(lab, server, load);
  });
  for (const server of servers.values()) await server.stop();
  return [...results].map(([candidate, all]) => toRow(candidate, load, all));
}

/**
 * @param {Lab} lab
 * @param {ServerProcess} server
 * @param {Load} load
 * @returns {Promise<LatencyResult | MeasureError>}
 */
async function measureOnce(lab, server, { rate, seconds }) {
  const connected = await lab.connect(server, { clients: flags.clients });
  try {
    // compiles what is hot, so that the first events are no exception
    await connected.fanOut({ window: 1, warmUpSeconds: 0, seconds: 1 });
    return await connected.latency({ rate, seconds });
  } catch (error) {
    if (error instanceof MeasureError) return error;
    throw error;
  } finally {
    await connected.close();
  }
}

/**
 * @param {CandidateName} candidate
 * @param {Load} load
 * @param {readonly (LatencyResult | MeasureError)[]} results
 * @returns {Row}
 */
function toRow(candidate, { rate }, results) {
  const samples = results.flatMap((result) => (result instanceof MeasureError ? [] : [result]));
  const failure = results.find((result) => result instanceof MeasureError);
  /** @param {(sample: LatencyResult) => number} measure */
  const medianOf = (measure) =>
    failure === undefined ? median(samples.map((sample) => measure(sample))) : Number.NaN;
  return {
    candidate,
    clients: flags.clients,
    rate,
    lost: samples.reduce((sum, { lost }) => sum + lost, 0),
    latencyMs: {
      p50: medianOf(({ latencyMs }) => latencyMs.p50),
      p90: medianOf(({ latencyMs }) => latencyMs.p90),
      p99: medianOf(({ latencyMs }) => latencyMs.p99),
      p999: medianOf(({ latencyMs }) => latencyMs.p999),
      max: medianOf(({ latencyMs }) => latencyMs.max),
    },
    publishLateP99Ms: medianOf(({ publishLateMs }) => publishLateMs.p99),
    serverCpuPerMessageUs: medianOf(({ serverCpuUs, messages }) => serverCpuUs / messages),
    samples,
    ...(failure !== undefined && { failure: failure.message }),
  };
}

/**
 * @param {readonly Row[]} rows
 * @returns {string}
 */
function formatRows(rows) {
  const heads = ['p50', 'p90', 'p99', 'p99.9', 'max', 'lost', 'server CPU us/message'];
  return formatTable(
    ['candidate', 'events/s', ...heads, 'generator late, p99'],
    rows.map((row) => [
      candidates[row.candidate].label,
      String(row.rate),
      ...(row.failure === undefined ? formatFigures(row) : [`failed: ${row.failure}`]),
    ]),
  );
}

/**
 * @param {Row} row
 * @returns {string[]}
 */
function formatFigures({ latencyMs, lost, serverCpuPerMessageUs, publishLateP99Ms }) {
  const { p50, p90, p99, p999, max } = latencyMs;
  const milliseconds = [p50, p90, p99, p999, max].map((value) => value.toFixed(2));
  return [
    ...milliseconds,
    String(lost),
    serverCpuPerMessageUs.toFixed(2),
    publishLateP99Ms.toFixed(2),
  ];
}
