/** Many clients of Millrace in one process, each with a connection and a subscription of its own. */
import diagnostics from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';

import { nowMs } from '../stage/clock.mjs';
import { toQuantiles } from '../stage/quantiles.mjs';
import { answerCommands, settings, tellNews } from './answer-commands.mjs';
import { roomOf } from './messages.mjs';
import { WatchedClient } from './watched-client.mjs';

/** Handshakes at the same time, at the beginning. */
const inFlight = 200;
const lookMs = 20;
const reportedFailures = 5;
const tellEveryMs = 5;

/** @type {Set<import('node:net').Socket>} */
const sockets = new Set();
diagnostics.subscribe('net.client.socket', (/** @type {any} */ { socket }) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

/** @type {readonly string[]} */
let urls = settings.urls;
/** @type {number[]} */
let latencies = [];

const clients = Array.from({ length: settings.clients }, (_, index) => {
  const offset = settings.order === 'spread' ? index : 0;
  return new WatchedClient({
    room: roomOf(index, settings.rooms),
    url: (attempt) => urls[(offset + attempt) % urls.length] ?? '',
    onLatency: (latencyMs) => latencies.push(latencyMs),
    resumes: settings.resumes ?? true,
  });
});

const waiting = [...clients];
await Promise.all(
  Array.from({ length: inFlight }, async () => {
    for (let client = waiting.pop(); client; client = waiting.pop()) await client.start();
  }),
);

if (settings.tellsCount) setInterval(() => tellNews(count()), tellEveryMs);
answerCommands(
  {},
  {
    /** Where they go from now on. */
    use: (input) => {
      urls = input.urls;
    },
    cut,
    untilEverybody,
    untilResumed,
    account,
    count: () => {
      const failed = clients.find(({ failure, lost }) => failure !== undefined || lost > 0);
      if (failed) throw new Error(failed.failure ?? `${failed.lost} events were lost`);
      return count();
    },
    /** Since the last question. */
    latencies: () => {
      const quantiles = toQuantiles(latencies);
      latencies = [];
      return quantiles;
    },
  },
);

/** Of events, since the beginning. */
function count() {
  return { count: clients.reduce((sum, { received }) => sum + received, 0) };
}

/** Resets every connection, as a router that forgets them does. */
function cut() {
  const at = nowMs();
  const all = [...sockets];
  for (const socket of all) socket.resetAndDestroy();
  return { at, sockets: all.length };
}

/** Resolves once everybody had an event. @param {{ timeoutMs: number }} input */
function untilEverybody({ timeoutMs }) {
  return until(timeoutMs, () => clients.every(({ seq }) => seq > 0));
}

/**
 * Resolves once everybody who lost the connection is back, or gave up; or it is too late.
 *
 * @param {{ since: number, timeoutMs: number }} input
 */
async function untilResumed({ since, timeoutMs }) {
  await until(timeoutMs, () =>
    clients.every(
      ({ recoveredAt, eventAgainAt, failure }) =>
        failure !== undefined || (recoveredAt >= since && eventAgainAt >= since),
    ),
  );
  /** @param {(client: WatchedClient) => number} at */
  const timesOf = (at) => {
    const times = clients.map((client) => at(client) - since);
    // who is not back counts as back at the end of all times
    return toQuantiles(times.map((time) => (time >= 0 ? time : Number.POSITIVE_INFINITY)));
  };
  return {
    recovered: finite(timesOf(({ recoveredAt }) => recoveredAt)),
    eventAgain: finite(timesOf(({ eventAgainAt }) => eventAgainAt)),
    back: clients.filter(({ recoveredAt }) => recoveredAt >= since).length,
    losses: clients.reduce((sum, client) => sum + client.losses, 0),
    attempts: clients.reduce((sum, client) => sum + client.attempts, 0),
  };
}

/** JSON knows no infinity. @param {import('../stage/quantiles.mjs').Quantiles} quantiles */
function finite(quantiles) {
  const entries = Object.entries(quantiles);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
  );
}

/**
 * What has become of all events; waits until everybody has the last.
 *
 * @param {{ heads: Record<string, number>, timeoutMs: number }} input
 */
async function account({ heads, timeoutMs }) {
  /** @param {WatchedClient} client */
  const missing = ({ room, seq }) => Math.max(0, (heads[room] ?? 0) - seq);
  await until(timeoutMs, () => clients.every((client) => missing(client) === 0));
  /** @param {(client: WatchedClient) => number} of */
  const sum = (of) => clients.reduce((total, client) => total + of(client), 0);
  const failures = clients.flatMap(({ failure }) => failure ?? []);
  return {
    lost: sum(({ lost }) => lost) + sum(missing),
    repeated: sum(({ repeated }) => repeated),
    gaps: sum(({ gaps }) => gaps),
    losses: sum(({ losses }) => losses),
    gaveUp: failures.length,
    failures: [...new Set(failures)].slice(0, reportedFailures),
    silenceMs: clients.reduce((most, { silenceMs }) => Math.max(most, silenceMs), 0),
  };
}

/**
 * Whether it came true in time.
 *
 * @param {number} timeoutMs
 * @param {() => boolean} isTrue
 */
async function until(timeoutMs, isTrue) {
  const giveUpAt = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > giveUpAt) return false;
    await sleep(lookMs);
  }
  return true;
}
