/**
 * What a delivered message costs the server: 1,000 clients subscribed to one room, their number, the backlog and the size of the events varied, and unicast.
 *
 *     node bench/fan-out.mjs [--short] [--sections room,growth,unicast,size] [--candidates millrace,graphql-ws]
 *                            [--rounds 5] [--seconds 1.5] [--clients 100,1000] [--windows 1,8] [--texts 68,4096]
 *
 * `--clients`, `--windows` and `--texts` replace those of every section. All servers stay up, and the clients of one number stay connected, while the
 * candidates take turns: an idle server uses nothing but a ping every 12 s, and every round finds everybody in the state of the one before.
 */
import {
  MeasureError,
  alternate,
  candidates,
  defaultTextBytes,
  formatTable,
  median,
  requireCandidates,
} from './harness/index.mjs';
import { readFlags } from './harness/flags.mjs';
import { runBench } from './harness/run-bench.mjs';

/** @typedef {import('./harness/candidates.mjs').CandidateName} CandidateName */
/** @typedef {import('./harness/clients.mjs').Clients} Clients */
/** @typedef {import('./harness/clients.mjs').FanOutResult} FanOutResult */
/** @typedef {import('./harness/run-bench.mjs').Lab} Lab */
/** @typedef {import('./harness/server-process.mjs').ServerProcess} ServerProcess */

/**
 * @typedef {object} Section
 * @property {readonly number[]} clients
 * @property {boolean} unicast
 * @property {readonly number[]} windows events outstanding
 * @property {readonly number[]} texts bytes of an event's text
 * @property {readonly CandidateName[]} [only] everybody unless given
 */

/** It writes to one client of a room. */
const unicastOnly = 'socket-write-each';

/** @type {Record<string, Section>} */
const sections = {
  room: { clients: [1_000], unicast: false, windows: [1, 8], texts: [defaultTextBytes] },
  growth: {
    clients: [100, 5_000],
    unicast: false,
    windows: [1],
    texts: [defaultTextBytes],
    only: ['millrace', 'graphql-ws', 'send-loop'],
  },
  unicast: {
    clients: [1_000],
    unicast: true,
    windows: [1],
    texts: [defaultTextBytes],
    only: ['millrace', 'graphql-ws', 'graphql-ws-jit', unicastOnly, 'send-loop'],
  },
  size: {
    clients: [1_000],
    unicast: false,
    windows: [1],
    texts: [4_096, 65_536],
    only: ['millrace', 'graphql-ws', 'graphql-ws-jit', 'send-loop'],
  },
};

const flags = readFlags(
  {
    sections: Object.keys(sections),
    candidates: Object.keys(candidates),
    rounds: 5,
    seconds: 1.5,
    clients: [],
    windows: [],
    texts: [],
  },
  {
    sections: ['room', 'growth', 'unicast'],
    candidates: [
      'millrace',
      'graphql-ws',
      'graphql-ws-jit',
      'send-loop',
      'send-loop-coalescing',
      'millrace-sse',
      'graphql-sse',
    ],
    rounds: 3,
    seconds: 1,
  },
);

/**
 * What is measured of one candidate under the same conditions.
 *
 * @typedef {object} Row
 * @property {CandidateName} candidate
 * @property {number} clients
 * @property {boolean} unicast
 * @property {number} window
 * @property {number} textBytes
 * @property {number} cpuPerMessageUs median of the rounds
 * @property {number} messagesPerSecond
 * @property {number} serverShare
 * @property {number} generatorBusyPerMessageUs
 * @property {number} generatorShare
 * @property {number} frameBytes
 * @property {readonly FanOutResult[]} samples
 * @property {string} [failure] why there are no figures
 */

const notes = `\
server busy: its CPU time by wall time. Clearly below 100 %, it waited for its core, which somebody else used, or for the generator.
generator busy: the time in which it had something to read. Below 100 %, it was no bottleneck.
by millrace: the cost by that of millrace on the same kind of transport.`;

const chosen = requireCandidates(flags.candidates);

await runBench('fan-out', async (lab) => {
  /** @type {Map<CandidateName, ServerProcess>} */
  const servers = new Map();
  for (const name of chosen) servers.set(name, await lab.start(name));
  const rows = [];
  for (const name of flags.sections) rows.push(...(await measureSection(lab, servers, name)));
  for (const line of growthOf(rows)) console.log(line);
  console.log(`\nmedians of ${flags.rounds} rounds`);
  console.log(notes);
  return { rounds: flags.rounds, seconds: flags.seconds, rows };
});

/**
 * @param {Lab} lab
 * @param {ReadonlyMap<CandidateName, ServerProcess>} servers
 * @param {string} sectionName
 * @returns {Promise<Row[]>}
 */
async function measureSection(lab, servers, sectionName) {
  const section = sections[sectionName];
  if (section === undefined) throw new Error(`no section ${sectionName}`);
  const { only = chosen.filter((candidate) => candidate !== unicastOnly) } = section;
  const names = chosen.filter((candidate) => only.includes(candidate));
  const rows = [];
  for (const clients of numbersOr(flags.clients, section.clients)) {
    /** @type {Map<CandidateName, Clients>} */
    const connected = new Map();
    for (const name of names) {
      const server = servers.get(name);
      const rooms = section.unicast ? clients : 1;
      if (server !== undefined) connected.set(name, await lab.connect(server, { clients, rooms }));
    }
    for (const textBytes of numbersOr(flags.texts, section.texts)) {
      for (const window of numbersOr(flags.windows, section.windows)) {
        const setting = { clients, unicast: section.unicast, window, textBytes };
        const measured = await measureSetting(connected, setting);
        console.log(`${formatRows(measured)}\n`);
        rows.push(...measured);
      }
    }
    for (const held of connected.values()) await held.close();
  }
  return rows;
}

/**
 * @param {ReadonlyMap<CandidateName, Clients>} connected
 * @param {{ clients: number, unicast: boolean, window: number, textBytes: number }} setting
 * @returns {Promise<Row[]>}
 */
async function measureSetting(connected, setting) {
  const { window, textBytes } = setting;
  // with one event at a time there is nothing to coalesce
  const names = [...connected.keys()].filter(
    (name) => window > 1 || name !== 'send-loop-coalescing',
  );
  /** @type {Map<CandidateName, string>} */
  const failures = new Map();
  const results = await alternate(flags.rounds, names, async (name, round) => {
    const warmUpSeconds = round === 0 ? 1 : 0.2;
    const measure = { window, textBytes, warmUpSeconds, seconds: flags.seconds };
    try {
      return await connected.get(name)?.fanOut(measure);
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      failures.set(name, failures.get(name) ?? error.message);
      return undefined;
    }
  });
  return [...results].map(([candidate, all]) => {
    const samples = all.filter((sample) => sample !== undefined);
    return toRow(candidate, setting, samples, failures.get(candidate));
  });
}

/**
 * @param {CandidateName} candidate
 * @param {{ clients: number, unicast: boolean, window: number, textBytes: number }} setting
 * @param {readonly FanOutResult[]} samples
 * @param {string | undefined} failure
 * @returns {Row}
 */
function toRow(candidate, setting, samples, failure) {
  /** @param {keyof FanOutResult} measure */
  const medianOf = (measure) =>
    failure === undefined ? median(samples.map((sample) => sample[measure])) : Number.NaN;
  return {
    candidate,
    ...setting,
    cpuPerMessageUs: medianOf('serverCpuPerMessageUs'),
    messagesPerSecond: medianOf('messagesPerSecond'),
    serverShare: medianOf('serverShare'),
    generatorBusyPerMessageUs: medianOf('generatorBusyPerMessageUs'),
    generatorShare: medianOf('generatorShare'),
    frameBytes: medianOf('frameBytes'),
    samples,
    ...(failure !== undefined && { failure }),
  };
}

/**
 * One table; the first row's conditions are those of all.
 *
 * @param {readonly Row[]} rows
 * @returns {string}
 */
function formatRows(rows) {
  const [first] = rows;
  if (first === undefined) return '';
  const { clients, unicast, window, textBytes } = first;
  const rooms = unicast ? 'a room each' : 'one room';
  const title = `${clients} clients, ${rooms}, W = ${window}, text of ${textBytes} bytes`;
  const heads = [
    'server CPU us/message',
    'least - most',
    'by millrace',
    'messages/s',
    'server busy',
    'generator us/message',
    'generator busy',
  ];
  const table = formatTable(
    ['candidate', ...heads],
    rows.map((row) => [candidates[row.candidate].label, ...formatFigures(row, rows)]),
  );
  return `${title}\n${table}`;
}

/**
 * @param {Row} row
 * @param {readonly Row[]} rows
 * @returns {string[]}
 */
function formatFigures(row, rows) {
  if (row.failure !== undefined) return [`failed: ${row.failure}`];
  const costs = row.samples.map((sample) => sample.serverCpuPerMessageUs);
  const own = row.candidate.endsWith('-sse') ? 'millrace-sse' : 'millrace';
  const ours = rows.find(({ candidate }) => candidate === own);
  const ratio = ours === undefined ? Number.NaN : row.cpuPerMessageUs / ours.cpuPerMessageUs;
  return [
    row.cpuPerMessageUs.toFixed(2),
    `${Math.min(...costs).toFixed(2)} - ${Math.max(...costs).toFixed(2)}`,
    Number.isNaN(ratio) ? '' : `${ratio.toFixed(2)}x`,
    Math.round(row.messagesPerSecond).toLocaleString('en'),
    `${Math.round(row.serverShare * 100)} %`,
    row.generatorBusyPerMessageUs.toFixed(2),
    `${Math.round(row.generatorShare * 100)} %`,
  ];
}

/**
 * How much dearer a message is with most clients than with fewest.
 *
 * @param {readonly Row[]} rows
 * @returns {string[]}
 */
function growthOf(rows) {
  return chosen.flatMap((candidate) => {
    const own = rows
      .filter((row) => row.candidate === candidate && row.window === 1 && !row.unicast)
      .filter((row) => row.textBytes === defaultTextBytes && row.failure === undefined)
      .toSorted((a, b) => a.clients - b.clients);
    const [fewest, most] = [own.at(0), own.at(-1)];
    if (fewest === undefined || most === undefined || fewest.clients === most.clients) return [];
    const ratio = (most.cpuPerMessageUs / fewest.cpuPerMessageUs).toFixed(2);
    const { label } = candidates[candidate];
    return [`${label}: x${ratio} from ${fewest.clients} to ${most.clients} clients, W = 1`];
  });
}

/**
 * @param {readonly string[]} words
 * @param {readonly number[]} usual
 * @returns {readonly number[]}
 */
function numbersOr(words, usual) {
  return words.length === 0 ? usual : words.map(Number);
}
