import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { subscriptionField } from 'millrace/server';

interface Message {
  readonly id: string;
  readonly room: string;
  readonly author: string;
  readonly text: string;
  readonly sentAt: string;
}

const typeDefs = /* GraphQL */ `
  type Message {
    id: ID!
    room: String!
    author: String!
    text: String!
    "ISO 8601, by the server's clock."
    sentAt: String!
  }

  type Query {
    "The last messages of a room, oldest first."
    messages(room: String!, last: Int = 50): [Message!]!
  }

  type Mutation {
    postMessage(room: String!, author: String!, text: String!): Message!
  }

  type Subscription {
    "Every message that is posted in the room from now on."
    messageAdded(room: String!): Message!
  }
`;

export const broker = createMemoryBroker();
const added = broker.topic<Message>('messages');

/** What the process remembers: the newest rooms and their newest messages. */
const remembered = { rooms: 1_000, messagesPerRoom: 500 };
const history = new Map<string, readonly Message[]>();

function remember(message: Message): void {
  const messages = history.get(message.room) ?? [];
  history.delete(message.room);
  history.set(message.room, [...messages, message].slice(-remembered.messagesPerRoom));
  const [quietestRoom] = history.keys();
  if (history.size > remembered.rooms && quietestRoom !== undefined) history.delete(quietestRoom);
}

function toLine(name: string, value: string, maxLength: number): string {
  const line = value.trim();
  if (line !== '' && line.length <= maxLength) return line;
  throw new GraphQLError(`\`${name}\` takes 1 to ${maxLength} characters`, {
    extensions: { code: 'BAD_USER_INPUT' },
  });
}

const resolvers = {
  Query: {
    messages: (_: unknown, { room, last }: { room: string; last: number }): readonly Message[] =>
      last > 0 ? (history.get(room) ?? []).slice(-last) : [],
  },
  Mutation: {
    postMessage: async (
      _: unknown,
      { room, author, text }: Pick<Message, 'room' | 'author' | 'text'>,
    ): Promise<Message> => {
      const message: Message = {
        id: crypto.randomUUID(),
        room: toLine('room', room, 40),
        author: toLine('author', author, 40),
        text: toLine('text', text, 2_000),
        sentAt: new Date().toISOString(),
      };
      remember(message);
      await added.publish(message, { key: message.room });
      return message;
    },
  },
  Subscription: {
    messageAdded: subscriptionField({ topic: added, key: ({ room }: { room: string }) => room }),
  },
};

export const schema = makeExecutableSchema({ typeDefs, resolvers });
