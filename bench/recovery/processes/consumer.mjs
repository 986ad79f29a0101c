/** Reads one log by a reader of the broker, and does nothing else. */
import { createBroker } from '../../brokers/kinds.mjs';
import { answerCommands, settings, tellNews } from './answer-commands.mjs';

const tellEveryMs = 5;

const broker = await createBroker(settings.broker);
const reader = await broker.read('messages', 'r0', undefined);
let count = 0;
let lastSeq = 0;
/** @type {string | undefined} */
let fault;

consume().then(
  () => (fault ??= 'the reader has ended'),
  (/** @type {unknown} */ error) => (fault ??= String(error)),
);
setInterval(() => tellNews({ count }), tellEveryMs);
answerCommands(
  {},
  {
    count: () => {
      if (fault !== undefined) throw new Error(fault);
      return { count };
    },
  },
);

async function consume() {
  for (let entries = await reader.read(); entries; entries = await reader.read()) {
    // what this topic holds
    for (const { event } of entries) take(/** @type {import('./messages.mjs').Message} */ (event));
  }
}

/** @param {import('./messages.mjs').Message} message */
function take({ seq }) {
  if (seq !== lastSeq + 1) fault ??= `event ${seq} after ${lastSeq}`;
  lastSeq = seq;
  count += 1;
}
