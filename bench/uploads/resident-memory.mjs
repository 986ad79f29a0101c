/**
 * What a large file costs a server in resident memory, with a resolver that reads it as fast as it can, and with a slow one.
 *
 *     node bench/uploads/resident-memory.mjs [--mebibytes 100] [--pause 20] [--rounds 3]
 *
 * The file goes over a socket of this machine as fast as the server takes it. Small files go before, so that nothing is counted that happens once.
 * The peak is looked for every 100 ms, and once more at the end.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { Child } from '../harness/child.mjs';
import { readFlags } from '../harness/flags.mjs';
import { formatTable } from '../harness/index.mjs';
import { readRssBytes, watchRss } from '../harness/resident-memory.mjs';
import { runBench } from '../harness/run-bench.mjs';

const flags = readFlags({ mebibytes: 100, pause: 20, rounds: 3 });
const mebibyte = 2 ** 20;
/** What a server may grow by, whatever the size of the file. */
const barMebibytes = 64;
const boundary = 'of-the-benchmark';
const piece = Buffer.alloc(64 * 1_024, 'a piece of a file, ');

await runBench('uploads', async () => {
  const results = [
    await measure('reads at once', 0),
    await measure(`pauses ${flags.pause} ms per MiB`, flags.pause),
  ];
  console.log(
    formatTable(
      [`a file of ${flags.mebibytes} MiB, whose resolver`, 'RSS grows MiB', 'bar MiB', 'MiB/s'],
      results.map(({ name, growthMebibytes, rate }) => [
        name,
        growthMebibytes.toFixed(1),
        String(barMebibytes),
        rate.toFixed(0),
      ]),
    ),
  );
  if (results.some(({ growthMebibytes }) => growthMebibytes >= barMebibytes)) process.exitCode = 1;
  return { ...flags, barMebibytes, results };
});

/**
 * The largest growth of some rounds, in a process of their own.
 *
 * @param {string} name
 * @param {number} pauseMs
 */
async function measure(name, pauseMs) {
  const program = fileURLToPath(new URL('server.mjs', import.meta.url));
  const server = new Child('server', [process.execPath, [program]]);
  try {
    const url = await server.nextLine();
    for (let warmUp = 0; warmUp < 20; warmUp += 1) await upload(url, { mebibytes: 1, pauseMs: 0 });
    const before = readRssBytes(server.pid);
    let peak = before;
    const begin = performance.now();
    for (let round = 0; round < flags.rounds; round += 1) {
      const sent = upload(url, { mebibytes: flags.mebibytes, pauseMs });
      const { peakRssBytes } = await watchRss(server.pid, sent);
      peak = Math.max(peak, peakRssBytes, readRssBytes(server.pid));
    }
    const seconds = (performance.now() - begin) / 1_000;
    const rate = (flags.rounds * flags.mebibytes) / seconds;
    return { name, growthMebibytes: (peak - before) / mebibyte, rate };
  } finally {
    await server.kill();
  }
}

/**
 * Sends a file and compares its digest.
 *
 * @param {string} url
 * @param {{ mebibytes: number, pauseMs: number }} file
 * @returns {Promise<void>}
 */
async function upload(url, { mebibytes, pauseMs }) {
  const outgoing = request(url, {
    method: 'POST',
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'graphql-require-preflight': '1',
    },
  });
  const answered = once(outgoing, 'response');
  const query =
    'mutation ($file: Upload!, $pauseMs: Int!) { digest(file: $file, pauseMs: $pauseMs) }';
  outgoing.write(field('operations', { query, variables: { file: null, pauseMs } }));
  outgoing.write(field('map', { 0: ['variables.file'] }));
  outgoing.write(
    `--${boundary}\r\nContent-Disposition: form-data; name="0"; filename="large"\r\n\r\n`,
  );
  const hash = createHash('sha256');
  for (let bytes = 0; bytes < mebibytes * mebibyte; bytes += piece.length) {
    hash.update(piece);
    if (!outgoing.write(piece)) await once(outgoing, 'drain');
  }
  outgoing.end(`\r\n--${boundary}--\r\n`);
  const [response] = await answered;
  const text = Buffer.concat(await response.toArray()).toString('utf8');
  if (!text.includes(hash.digest('hex'))) throw new Error(`the file did not arrive: ${text}`);
}

/**
 * @param {string} name
 * @param {object} value
 * @returns {string}
 */
function field(name, value) {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${JSON.stringify(value)}\r\n`;
}
