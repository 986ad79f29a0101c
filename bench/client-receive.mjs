/**
 * What a received message costs a client: small results that come in batches, faster than they can be read.
 *
 *     node bench/client-receive.mjs [--short] [--candidates millrace,graphql-ws] [--rounds 5] [--messages 400000]
 *                                   [--batch 64] [--text 68]
 *
 * Every client is a process of its own, with one connection and one operation at a time, over the same sockets (`ws`). The server writes batches of frames
 * that are ready, as long as the connection takes them: each read of a client brings 64 KiB, whatever it did in the meantime.
 */
import { Receiver, receivers, requireReceivers, startFrameServer } from './client/receivers.mjs';
import { readFlags } from './harness/flags.mjs';
import { MeasureError, alternate, formatTable, median } from './harness/index.mjs';
import { runBench } from './harness/run-bench.mjs';

/** @typedef {import('./client/receivers.mjs').Cost} Cost */
/** @typedef {import('./client/receivers.mjs').Load} Load */
/** @typedef {import('./client/receivers.mjs').ReceiverName} ReceiverName */

/**
 * @typedef {object} Row
 * @property {ReceiverName} name
 * @property {number} cpuPerMessageUs median of the rounds
 * @property {number} messagesPerSecond
 * @property {number} clientShare CPU time of the client by wall time
 * @property {number} promisesPerMessage
 * @property {readonly Cost[]} samples
 * @property {string} [failure] why there are no figures
 */

const flags = readFlags(
  {
    candidates: Object.keys(receivers),
    rounds: 5,
    messages: 400_000,
    batch: 64,
    text: 68,
  },
  { messages: 200_000 },
);

const notes = `\
client busy: its CPU time by wall time. Clearly below 100 %, it waited for its core, which somebody else used, or for the server.
by graphql-ws: the cost by that of graphql-ws with a sink.
promises: made per message, between the first and the last.`;

await runBench('client-receive', async () => {
  const server = await startFrameServer();
  const clients = new Map(
    requireReceivers(flags.candidates).map((name) => [name, new Receiver(name, server.port)]),
  );
  try {
    const rows = await measureAll(clients);
    console.log(`medians of ${flags.rounds} rounds, ${flags.batch} messages in a write\n`);
    console.log(formatRows(rows));
    console.log(`\n${notes}`);
    return { ...flags, results: rows };
  } finally {
    for (const client of clients.values()) await client.stop();
    await server.stop();
  }
});

/**
 * @param {ReadonlyMap<ReceiverName, Receiver>} clients
 * @returns {Promise<Row[]>}
 */
async function measureAll(clients) {
  /** @type {Map<ReceiverName, string>} */
  const failures = new Map();
  const names = [...clients.keys()];
  /** @param {ReceiverName} name @param {(client: Receiver) => Promise<any>} measure */
  const attempt = async (name, measure) => {
    const client = clients.get(name);
    if (client === undefined || failures.has(name)) return undefined;
    try {
      return await measure(client);
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      failures.set(name, error.message);
      return undefined;
    }
  };
  const results = await alternate(flags.rounds, names, (name, round) => {
    // the first compiles what is hot, the others only find the connection again
    const warmUp = toLoad(round === 0 ? flags.messages : flags.messages / 10);
    return attempt(name, (client) => client.receive({ warmUp, load: toLoad(flags.messages) }));
  });
  const rows = [];
  for (const [name, all] of results) {
    const few = toLoad(10_000);
    // last: a process in which promises were counted is slower
    const counted = await attempt(name, (client) =>
      client.countPromises({ warmUp: few, load: few }),
    );
    const samples = all.filter((sample) => sample !== undefined);
    const promises = counted === undefined ? Number.NaN : counted.promises / counted.messages;
    rows.push(toRow(name, { samples, promises, failure: failures.get(name) }));
  }
  return rows;
}

/**
 * @param {number} messages
 * @returns {Load}
 */
function toLoad(messages) {
  const batches = Math.ceil(messages / flags.batch);
  return { batches, batchMessages: flags.batch, textBytes: flags.text };
}

/**
 * @param {ReceiverName} name
 * @param {{ samples: readonly Cost[], promises: number, failure: string | undefined }} measured
 * @returns {Row}
 */
function toRow(name, { samples, promises, failure }) {
  /** @param {(sample: Cost) => number} measure */
  const medianOf = (measure) =>
    failure === undefined ? median(samples.map((sample) => measure(sample))) : Number.NaN;
  return {
    name,
    cpuPerMessageUs: medianOf(({ cpuUs, messages }) => cpuUs / messages),
    messagesPerSecond: medianOf(({ wallMs, messages }) => (messages * 1_000) / wallMs),
    clientShare: medianOf(({ cpuUs, wallMs }) => cpuUs / (wallMs * 1_000)),
    promisesPerMessage: promises,
    samples,
    ...(failure !== undefined && { failure }),
  };
}

/**
 * @param {readonly Row[]} rows
 * @returns {string}
 */
function formatRows(rows) {
  const peer = rows.find(({ name }) => name === 'graphql-ws')?.cpuPerMessageUs ?? Number.NaN;
  const heads = ['client CPU us/message', 'least - most', 'by graphql-ws', 'messages/s'];
  return formatTable(
    ['client', ...heads, 'client busy', 'promises'],
    rows.map((row) => [
      receivers[row.name].label,
      ...(row.failure === undefined ? formatFigures(row, peer) : [`failed: ${row.failure}`]),
    ]),
  );
}

/**
 * @param {Row} row
 * @param {number} peer what a message costs graphql-ws
 * @returns {string[]}
 */
function formatFigures(row, peer) {
  const costs = row.samples.map(({ cpuUs, messages }) => cpuUs / messages);
  const ratio = row.cpuPerMessageUs / peer;
  return [
    row.cpuPerMessageUs.toFixed(2),
    `${Math.min(...costs).toFixed(2)} - ${Math.max(...costs).toFixed(2)}`,
    Number.isNaN(ratio) ? '' : `${ratio.toFixed(2)}x`,
    Math.round(row.messagesPerSecond).toLocaleString('en'),
    `${Math.round(row.clientShare * 100)} %`,
    row.promisesPerMessage.toFixed(2),
  ];
}
