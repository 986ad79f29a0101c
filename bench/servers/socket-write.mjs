import { frameOf, serveBareSubscribers } from './bare-subscribers.mjs';

const idBytes = 36;

/** What `node:net` leaves room for: one `socket.write` per client and turn, of bytes that are ready but for the id. */
await serveBareSubscribers((subscribers) => {
  /** @type {{ readonly head: string, readonly tail: string }[]} */
  let frames = [];

  const flush = () => {
    const room = '0'.repeat(idBytes);
    /** @type {number[]} */
    const idOffsets = [];
    let text = '';
    for (const { head, tail } of frames) {
      idOffsets.push(text.length + head.length);
      text += head + room + tail;
    }
    frames = [];
    const bytes = Buffer.from(text, 'latin1');
    for (const { socket, id } of subscribers) {
      for (let i = 0; i < idBytes; i++) {
        const character = id.charCodeAt(i);
        for (const offset of idOffsets) bytes[offset + i] = character;
      }
      socket.write(bytes);
    }
  };

  return (_room, message) => {
    if (frames.length === 0) setImmediate(flush);
    frames.push(frameOf(message, idBytes));
  };
});
