import { frameOf, serveBareSubscribers } from './bare-subscribers.mjs';

/** What `node:net` leaves room for where each client gets something else: a result written as JSON, and one `socket.write` of it after the turn. */
await serveBareSubscribers((subscribers) => {
  /** @type {Map<string, import('./bare-subscribers.mjs').Subscriber>} */
  const subscriberByRoom = new Map();
  /** @type {{ readonly socket: import('node:stream').Duplex, readonly frame: string }[]} */
  let waiting = [];

  const flush = () => {
    for (const { socket, frame } of waiting) socket.write(frame, 'latin1');
    waiting = [];
  };

  return (room, message) => {
    if (subscriberByRoom.size !== subscribers.size)
      for (const each of subscribers) subscriberByRoom.set(each.room, each);
    const subscriber = subscriberByRoom.get(room);
    if (!subscriber) return;
    const { socket, id } = subscriber;
    const { head, tail } = frameOf(message, id.length);
    if (waiting.length === 0) setImmediate(flush);
    waiting.push({ socket, frame: head + id + tail });
  };
});
