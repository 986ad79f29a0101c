import type { Broker, Topic } from 'millrace/broker';
import type { ResumeOptions } from 'millrace/server';

export interface Message {
  readonly id: string;
  readonly room: string;
  readonly author: string;
  readonly text: string;
  readonly sentAt: string;
}

/** Where the messages of all rooms are: in this process, or in Redis. */
export interface Rooms {
  /** For people: where that is. */
  readonly place: string;
  readonly broker: Broker;
  /** What is said from now on, in a log for each room. */
  readonly added: Topic<Message>;
  /** How pages go on where they stopped. */
  readonly resume: ResumeOptions;
  /** Resolves once the message is kept, and on its way to all who listen. */
  say(message: Message): Promise<void>;
  /** The last messages of a room, oldest first; at most as many as are kept. */
  last(room: string, count: number): Promise<readonly Message[]>;
  close(): Promise<void>;
}
