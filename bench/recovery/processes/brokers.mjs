import { createMemoryBroker } from 'millrace/broker/memory';
import { createRedisBroker } from 'millrace/broker/redis';

/** @typedef {{ kind: 'memory' } | { kind: 'redis', url: string, retention?: import('millrace/broker/redis').RedisRetention }} BrokerSettings */

/**
 * The event of these benchmarks.
 *
 * @typedef {object} Message
 * @property {string} room
 * @property {number} seq counted from 1 in each room
 * @property {number} dueAt when it was due, or published: milliseconds on the clock of the machine
 * @property {string} text
 */

/**
 * @param {BrokerSettings} settings
 * @returns {import('millrace/broker').Broker}
 */
export function createBroker(settings) {
  switch (settings.kind) {
    case 'memory':
      return createMemoryBroker();
    case 'redis': {
      const { url, retention } = settings;
      return createRedisBroker({ url, ...(retention && { retention }) });
    }
  }
}

/**
 * @param {import('millrace/broker').Broker} broker
 * @returns {import('millrace/broker').Topic<Message>}
 */
export function topicOf(broker) {
  return broker.topic('messages');
}

/**
 * @param {number} index
 * @param {number} rooms
 * @returns {string}
 */
export function roomOf(index, rooms) {
  return `r${index % rooms}`;
}
