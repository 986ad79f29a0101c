import { createHook } from 'node:async_hooks';
import { createInterface } from 'node:readline';

/** Where the server is that writes the results. */
export const url = `ws://127.0.0.1:${process.argv[2]}`;

export const query = `subscription ($batches: Int!, $batchMessages: Int!, $textBytes: Int!) {
  messageAdded(batches: $batches, batchMessages: $batchMessages, textBytes: $textBytes) { id room author seq text }
}`;

/** @typedef {{ batches: number, batchMessages: number, textBytes: number }} Load what one operation brings */
/** @typedef {{ data?: any }} Result */
/** @typedef {(load: Load, receive: (result: Result) => void) => Promise<void>} Client runs one operation to its end */

/**
 * Answers what stands on a line of stdin: `receive` with what that cost, `promises` with how many were made. Ends with stdin.
 *
 * @param {Client} client
 * @returns {void}
 */
export function answerMeasures(client) {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    void answer(client, JSON.parse(line)).then((measured) =>
      process.stdout.write(`${JSON.stringify(measured)}\n`),
    );
  });
  lines.on('close', () => process.exit(0));
}

/**
 * @param {Client} client
 * @param {{ measure: 'receive' | 'promises', warmUp: Load, load: Load }} request
 */
async function answer(client, { measure, warmUp, load }) {
  await run(client, warmUp);
  return measure === 'receive' ? measureCost(client, load) : countPromises(client, load);
}

/**
 * @param {Client} client
 * @param {Load} load
 */
async function measureCost(client, load) {
  if (globalThis.gc === undefined) throw new Error('start this client with --expose-gc');
  globalThis.gc();
  const beganAt = performance.now();
  const before = process.cpuUsage();
  const messages = await run(client, load);
  const { user, system } = process.cpuUsage(before); // of all threads, those that collect garbage included
  return { messages, cpuUs: user + system, userUs: user, wallMs: performance.now() - beganAt };
}

/**
 * Between the first message and the last, where nothing begins or ends.
 *
 * @param {Client} client
 * @param {Load} load
 */
async function countPromises(client, load) {
  let promises = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') promises += 1;
    },
  });
  const last = load.batches * load.batchMessages;
  const messages = await run(client, load, (received) => {
    if (received === 1) hook.enable();
    if (received === last) hook.disable();
  });
  return { messages, promises };
}

/**
 * @param {Client} client
 * @param {Load} load
 * @param {(received: number) => void} [onMessage]
 * @returns {Promise<number>} how many messages came, which is all of them
 */
async function run(client, load, onMessage) {
  let received = 0;
  await client(load, ({ data }) => {
    const { seq } = data.messageAdded;
    if (seq !== received % load.batchMessages) throw new Error(`message ${received} is not next`);
    received += 1;
    onMessage?.(received);
  });
  const due = load.batches * load.batchMessages;
  if (received !== due) throw new Error(`${received} of ${due} messages came`);
  return received;
}
