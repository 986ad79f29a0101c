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
