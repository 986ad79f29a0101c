import { bound, cheaper, withinTimes } from './bar.mjs';
import { executionCostOf, latencyOf, messageCostOf, resultOf } from './figures.mjs';

/** @typedef {import('./figures.mjs').Results} Results */
/** @typedef {import('./bar.mjs').Bar} Bar */

const mebibyte = 2 ** 20;
const kibibyte = 1_024;

/**
 * What server and client have to reach, and whether they do.
 *
 * @param {Results} results
 * @returns {Bar[]}
 */
export function toBars(results) {
  return [
    ...fanOut(results),
    ...saturation(results),
    ...growth(results),
    ...unicast(results),
    ...latency(results),
    ...memory(results),
    ...compression(results),
    ...connecting(results),
    ...keepAlive(results),
    ...eventStreams(results),
    ...stalledReaders(results),
    ...clientReceive(results),
    ...execution(results),
  ];
}

/** @param {Results} results */
function fanOut(results) {
  const cost = (/** @type {string} */ candidate, /** @type {number} */ window) =>
    messageCostOf(results, { candidate, window, clients: 1_000, unicast: false });
  const alone = { measure: 'fan-out, W = 1', unit: 'us', ours: cost('millrace', 1) };
  const backlog = { measure: 'fan-out, W = 8', unit: 'us', ours: cost('millrace', 8) };
  return [
    cheaper({ ...alone, peer: 'graphql-ws', theirs: cost('graphql-ws', 1), times: 4 }),
    cheaper({ ...alone, peer: 'graphql-ws + jit', theirs: cost('graphql-ws-jit', 1), times: 2 }),
    withinTimes({ ...alone, peer: 'C loop', theirs: cost('send-loop', 1), times: 2.1 }),
    cheaper({ ...backlog, peer: 'graphql-ws', theirs: cost('graphql-ws', 8), times: 20 }),
    withinTimes({
      ...backlog,
      peer: 'C loop, coalescing',
      theirs: cost('send-loop-coalescing', 8),
      times: 1.35,
    }),
  ];
}

/** @param {Results} results */
function saturation(results) {
  const ours = latencyOf(results, 'millrace', 600);
  const measure = '600 events/s to 1,000 clients';
  return [
    bound({ measure: `${measure}, p99`, unit: 'ms', ours: ours?.latencyMs.p99, most: 30 }),
    bound({ measure: `${measure}, lost`, unit: '', ours: ours?.lost, most: 0 }),
  ];
}

/** @param {Results} results */
function growth(results) {
  const ratioOf = (/** @type {string} */ candidate) => {
    const [few, many] = [100, 5_000].map((clients) =>
      messageCostOf(results, { candidate, window: 1, clients, unicast: false }),
    );
    return few === undefined || many === undefined ? undefined : many / few;
  };
  return [
    bound({
      measure: 'growth of cost, 100 to 5,000 clients',
      unit: 'x',
      peer: 'graphql-ws',
      theirs: ratioOf('graphql-ws'),
      ours: ratioOf('millrace'),
      most: 1.6,
    }),
  ];
}

/** @param {Results} results */
function unicast(results) {
  const cost = (/** @type {string} */ candidate) =>
    messageCostOf(results, { candidate, window: 1, clients: 1_000, unicast: true });
  const ours = { measure: 'unicast, 1,000 rooms of one', unit: 'us', ours: cost('millrace') };
  return [
    cheaper({ ...ours, peer: 'graphql-ws', theirs: cost('graphql-ws'), times: 2.5 }),
    cheaper({ ...ours, peer: 'graphql-ws + jit', theirs: cost('graphql-ws-jit'), times: 1 }),
  ];
}

/** @param {Results} results */
function latency(results) {
  const p99 = (/** @type {string} */ candidate) => latencyOf(results, candidate, 10)?.latencyMs.p99;
  const ours = {
    measure: 'publish to client, 10 events/s, p99',
    unit: 'ms',
    ours: p99('millrace'),
  };
  return [
    withinTimes({ ...ours, peer: 'graphql-ws', theirs: p99('graphql-ws'), times: 0.3 }),
    withinTimes({ ...ours, peer: 'C loop', theirs: p99('send-loop'), times: 1.5 }),
  ];
}

/** @param {Results} results */
function memory(results) {
  const kibibytes = (/** @type {string} */ candidate) => {
    const bytes = resultOf(results, 'memory', candidate)?.['rssPerConnectionBytes'];
    return bytes === undefined ? undefined : bytes / kibibyte;
  };
  const measure = 'resident memory of an idle connection';
  return [
    bound({
      measure: `${measure}, WebSocket`,
      unit: 'KiB',
      peer: 'graphql-ws',
      theirs: kibibytes('graphql-ws'),
      ours: kibibytes('millrace'),
      most: 8,
    }),
    bound({
      measure: `${measure}, SSE`,
      unit: 'KiB',
      peer: 'graphql-sse',
      theirs: kibibytes('graphql-sse'),
      ours: kibibytes('millrace-sse'),
      most: 12,
    }),
  ];
}

/** @param {Results} results */
function compression({ compression: measured }) {
  const textBytes = 1_024;
  const cost = (/** @type {string} */ candidate) =>
    measured?.rows.find(
      (row) => row.candidate === candidate && !row.unicast && row.textBytes === textBytes,
    )?.cpuPerMessageUs;
  const heapBytes = (/** @type {string} */ candidate) =>
    measured?.memory.find(({ name }) => name === candidate)?.heapPerConnectionBytes ?? NaN;
  // resident memory differs by more between two runs; what zlib holds is for test/memory/compression.test.ts
  const held = heapBytes('millrace-compressed') - heapBytes('millrace');
  const ours = { measure: 'fan-out, compressed', unit: 'us', ours: cost('millrace-compressed') };
  return [
    withinTimes({ ...ours, peer: 'uncompressed', theirs: cost('millrace'), times: 1.25 }),
    cheaper({ ...ours, peer: 'graphql-ws, ws', theirs: cost('graphql-ws-compressed'), times: 6 }),
    bound({
      measure: 'JS heap of compression, per connection',
      unit: 'B',
      ours: Number.isNaN(held) ? undefined : held,
      most: 512,
    }),
  ];
}

/** @param {Results} results */
function connecting(results) {
  const cost = (/** @type {string} */ candidate) =>
    resultOf(results, 'connect', candidate)?.['serverCpuPerConnectionUs'];
  return [
    withinTimes({
      measure: 'connect + init + subscribe',
      unit: 'us',
      peer: 'graphql-ws',
      theirs: cost('graphql-ws'),
      ours: cost('millrace'),
      times: 0.45,
    }),
  ];
}

/** @param {Results} results */
function keepAlive(results) {
  const percent = (/** @type {string} */ candidate) => {
    const share = resultOf(results, 'keep-alive', candidate)?.['share'];
    return share === undefined ? undefined : share * 100;
  };
  const clients = results['keep-alive']?.clients ?? NaN;
  return [
    bound({
      measure: `keep-alive of ${clients.toLocaleString('en')} idle connections`,
      unit: '%',
      peer: 'graphql-ws',
      theirs: percent('graphql-ws'),
      ours: percent('millrace'),
      most: 3,
    }),
  ];
}

/** @param {Results} results */
function eventStreams(results) {
  const cost = (/** @type {string} */ candidate, /** @type {number} */ window) =>
    messageCostOf(results, { candidate, window, clients: 1_000, unicast: false });
  return [
    { window: 1, times: 4.5 },
    { window: 8, times: 12 },
  ].map(({ window, times }) =>
    cheaper({
      measure: `fan-out over SSE, W = ${window}`,
      unit: 'us',
      peer: 'graphql-sse',
      theirs: cost('graphql-sse', window),
      ours: cost('millrace-sse', window),
      times,
    }),
  );
}

/**
 * Where the server has not cut off everybody who stalled, the kernel has held what was published, and nothing was measured.
 *
 * @param {Results} results
 */
function stalledReaders(results) {
  const stalled = results['stalled-readers'];
  const own = stalled?.results.find(({ name }) => name === 'millrace');
  const ours = own?.stalled.cutOff === stalled?.stalled ? own : undefined;
  const measure = 'a tenth of the clients stop reading';
  return [
    bound({
      measure: `${measure}, growth`,
      unit: 'MiB',
      ours: ours === undefined ? undefined : ours.stalled.growthBytes / mebibyte,
      most: (stalled?.boundBytes ?? NaN) / mebibyte,
    }),
    withinTimes({
      measure: `${measure}, p99 of the others`,
      unit: 'ms',
      peer: 'none stalled',
      theirs: ours?.reading.latency.latencyMs.p99,
      ours: ours?.stalled.latency.latencyMs.p99,
      times: 1.2,
    }),
  ];
}

/** @param {Results} results */
function clientReceive(results) {
  const of = (/** @type {string} */ candidate) => resultOf(results, 'client-receive', candidate);
  return [
    withinTimes({
      measure: 'client, receiving a batch',
      unit: 'us',
      peer: 'graphql-ws',
      theirs: of('graphql-ws')?.['cpuPerMessageUs'],
      ours: of('millrace')?.['cpuPerMessageUs'],
      times: 0.8,
    }),
    bound({
      measure: 'client, promises per message of an observer',
      unit: '',
      ours: of('millrace')?.['promisesPerMessage'],
      most: 0,
    }),
  ];
}

/** @param {Results} results */
function execution(results) {
  const kinds = [
    { question: 'small', what: 'a small event', times: 13 },
    { question: 'list', what: '50 objects', times: 3.5 },
    { question: 'async', what: '50 objects, async', times: 6 },
  ];
  const among = 60;
  return kinds.flatMap(({ question, what, times }) => {
    const cost = (/** @type {string} */ engine, /** @type {number} */ operations) =>
      executionCostOf(results, { engine, question, operations });
    const alone = { measure: `execution of ${what}`, unit: 'us', ours: cost('millrace', 1) };
    const many = {
      measure: `execution of ${what}, 60 operations`,
      unit: 'us',
      ours: cost('millrace', among),
    };
    return [
      cheaper({ ...alone, peer: 'graphql-js 17', theirs: cost('graphql-17', 1), times }),
      withinTimes({
        ...alone,
        peer: 'graphql-jit',
        theirs: cost('graphql-jit', 1),
        times: 1.1,
      }),
      withinTimes({
        ...many,
        peer: 'graphql-jit',
        theirs: cost('graphql-jit', among),
        times: 1.1,
      }),
    ];
  });
}
