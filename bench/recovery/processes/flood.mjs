/** Publishes as much as it may: no more than so many events before those that were consumed. */
import { createFlood } from '../../brokers/kinds.mjs';
import { answerCommands, settings } from './answer-commands.mjs';

const { broker: brokerSettings, eventBytes, batch, inFlight, window } = settings;
const room = 'r0';
const publishMany = await createFlood(brokerSettings);

let published = 0;
let consumed = 0;
let pending = 0;
let isOver = true;
/** @type {Error | undefined} */
let failure;
let whenQuiet = () => {};

answerCommands(
  {},
  {
    start: () => {
      isOver = false;
      proceed();
    },
    consumed: (input) => {
      consumed = input.count;
      proceed();
    },
    stop,
  },
);

/** Resolves once everything has been accepted. */
async function stop() {
  isOver = true;
  if (pending > 0) {
    await new Promise((resolve) => {
      whenQuiet = () => resolve(undefined);
    });
  }
  if (failure !== undefined) throw failure;
  return { published };
}

function proceed() {
  while (!isOver && pending < inFlight && published + batch <= consumed + window) void publish(); // never rejects
}

async function publish() {
  const events = Array.from({ length: batch }, (_, i) => toEvent(published + i + 1));
  published += batch;
  pending += 1;
  try {
    await publishMany('messages', room, events);
  } catch (cause) {
    failure ??= new Error('an event could not be published', { cause });
    isOver = true;
  }
  pending -= 1;
  if (pending === 0) whenQuiet();
  proceed();
}

/** @param {number} seq */
function toEvent(seq) {
  const event = { room, seq, dueAt: 0, text: '' };
  // so that each takes as many bytes as JSON
  return { ...event, text: 'x'.repeat(eventBytes - JSON.stringify(event).length) };
}
