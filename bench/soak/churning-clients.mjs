import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { WebSocket } from 'ws';

/**
 * A client that comes, stays for a moment and goes.
 *
 * @callback ChurningClient
 * @param {number} port
 * @returns {Promise<number>} how many events it got; rejects if one was missing, came twice or out of order
 */

const query =
  'subscription($room: String!) { messageAdded(room: $room) { id room author seq text } }';
const operation = { query, variables: { room: 'r0' } };

/** @type {readonly ChurningClient[]} */
export const churningClients = [leavesPolitely, vanishes, stopsItsOperations, neverAsks, streams];

/** @type {ChurningClient} */
async function leavesPolitely(port) {
  const client = await SocketClient.connect(port);
  client.subscribe('1');
  await staysForAMoment();
  client.stop('1');
  await client.leave();
  return client.events;
}

/** @type {ChurningClient} */
async function vanishes(port) {
  const client = await SocketClient.connect(port);
  client.subscribe('1');
  await staysForAMoment();
  client.vanish();
  return client.events;
}

/** @type {ChurningClient} */
async function stopsItsOperations(port) {
  const client = await SocketClient.connect(port);
  for (const id of ['a', 'b', 'c']) client.subscribe(id);
  await staysForAMoment();
  for (const id of ['a', 'b', 'c']) client.stop(id);
  client.subscribe('a');
  await staysForAMoment();
  client.vanish();
  return client.events;
}

/** @type {ChurningClient} */
async function neverAsks(port) {
  const client = await SocketClient.connect(port);
  await staysForAMoment();
  client.vanish();
  return client.events;
}

/** @type {ChurningClient} */
async function streams(port) {
  const body = JSON.stringify(operation);
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const asked = request({ host: '127.0.0.1', port, path: '/graphql', method: 'POST', headers });
  asked.end(body);
  const [response] = await once(asked, 'response');
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  const events = new Succession();
  let rest = '';
  response.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: {')) events.take(line);
  });
  response.on('error', () => {}); // it is cut by us
  await staysForAMoment();
  asked.destroy();
  return events.finish();
}

/** @returns {Promise<void>} */
async function staysForAMoment() {
  await sleep(randomInt(100, 3_000));
}

/** Events that must follow one another without a gap. */
class Succession {
  count = 0;
  #last = Number.NaN;
  /** @type {string | undefined} */
  #fault;

  /**
   * @param {string} text of a result
   * @returns {void}
   */
  take(text) {
    const seq = Number(/"seq":(\d+)/.exec(text)?.[1]);
    if (this.count > 0 && seq !== this.#last + 1) this.#fault ??= `${seq} after ${this.#last}`;
    this.#last = seq;
    this.count += 1;
  }

  /** @returns {number} */
  finish() {
    if (this.#fault !== undefined) throw new Error(this.#fault);
    return this.count;
  }
}

/** Speaks graphql-transport-ws, and minds the order of its events. */
class SocketClient {
  #socket;
  /** @type {Map<string, Succession>} */
  #running = new Map();
  /** @type {Succession[]} */
  #all = [];
  /** @type {string | undefined} */
  #fault;

  /**
   * @param {number} port
   * @returns {Promise<SocketClient>}
   */
  static async connect(port) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send('{"type":"connection_init"}');
    const [ack] = await once(socket, 'message');
    if (JSON.parse(String(ack)).type !== 'connection_ack') throw new Error(`no ack: ${ack}`);
    return new SocketClient(socket);
  }

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (frame) => this.#receive(String(frame)));
    socket.on('close', this.#onClose);
  }

  /** How many events have come; throws if something was wrong. */
  get events() {
    if (this.#fault !== undefined) throw new Error(this.#fault);
    return this.#all.reduce((sum, events) => sum + events.finish(), 0);
  }

  /** @param {string} id */
  subscribe(id) {
    const events = new Succession();
    this.#all.push(events);
    this.#running.set(id, events);
    this.#socket.send(JSON.stringify({ id, type: 'subscribe', payload: operation }));
  }

  /** @param {string} id */
  stop(id) {
    this.#running.delete(id);
    this.#socket.send(JSON.stringify({ id, type: 'complete' }));
  }

  /** With the closing handshake. */
  async leave() {
    this.#socket.off('close', this.#onClose);
    this.#socket.close(1000);
    await once(this.#socket, 'close');
  }

  /** Without it. */
  vanish() {
    this.#socket.off('close', this.#onClose);
    this.#socket.terminate();
  }

  #onClose = (/** @type {number} */ code) => {
    this.#fault ??= `closed with ${code}`;
  };

  /** @param {string} text */
  #receive(text) {
    const { type, id } = JSON.parse(text);
    if (type === 'next') this.#running.get(id)?.take(text);
    else if (type === 'ping') this.#socket.send('{"type":"pong"}');
    else this.#fault ??= `unexpected ${text}`;
  }
}
