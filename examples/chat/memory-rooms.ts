import { createMemoryBroker } from 'millrace/broker/memory';

import type { Message, Rooms } from './rooms.ts';

/** What the process remembers: the newest rooms and their newest messages. */
const remembered = { rooms: 1_000, messagesPerRoom: 500 };

/** Rooms of this process alone: when it ends, so does everything that was said. */
export function createMemoryRooms(): Rooms {
  const broker = createMemoryBroker();
  const added = broker.topic<Message>('messages');
  const history = new Map<string, readonly Message[]>();

  function remember(message: Message): void {
    const messages = history.get(message.room) ?? [];
    history.delete(message.room);
    history.set(message.room, [...messages, message].slice(-remembered.messagesPerRoom));
    const [quietestRoom] = history.keys();
    if (history.size > remembered.rooms && quietestRoom !== undefined) history.delete(quietestRoom);
  }

  return {
    place: 'in memory',
    broker,
    added,
    // no other process has these events, so none has to understand the tokens
    resume: {},
    async say(message) {
      remember(message);
      await added.publish(message, { key: message.room });
    },
    last: async (room, count) => (history.get(room) ?? []).slice(-count),
    close: () => broker.close(),
  };
}
