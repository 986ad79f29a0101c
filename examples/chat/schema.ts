import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { subscriptionField } from 'millrace/server';

import type { Message, Rooms } from './rooms.ts';

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

/** Everything that can be asked of the chat. */
export function createSchema(rooms: Rooms): GraphQLSchema {
  return makeExecutableSchema({
    typeDefs,
    resolvers: {
      Query: {
        messages: (
          _: unknown,
          { room, last }: { readonly room: string; readonly last: number },
        ): Promise<readonly Message[]> | readonly Message[] =>
          last > 0 ? rooms.last(room, last) : [],
      },
      Mutation: {
        postMessage: async (_: unknown, draft: Draft): Promise<Message> => {
          const message = toMessage(draft);
          await rooms.say(message);
          return message;
        },
      },
      Subscription: {
        messageAdded: subscriptionField({
          topic: rooms.added,
          key: ({ room }: { readonly room: string }) => room,
        }),
      },
    },
  });
}

type Draft = Pick<Message, 'room' | 'author' | 'text'>;

function toMessage({ room, author, text }: Draft): Message {
  return {
    id: crypto.randomUUID(),
    room: toLine('room', room, 40),
    author: toLine('author', author, 40),
    text: toLine('text', text, 2_000),
    sentAt: new Date(nextInstant()).toISOString(),
  };
}

let lastInstant = 0;

/** Pages sort by it, so no two messages that this process takes have the same. */
function nextInstant(): number {
  lastInstant = Math.max(Date.now(), lastInstant + 1);
  return lastInstant;
}

function toLine(name: string, value: string, maxLength: number): string {
  const line = value.trim();
  if (line !== '' && line.length <= maxLength) return line;
  throw new GraphQLError(`\`${name}\` takes 1 to ${maxLength} characters`, {
    extensions: { code: 'BAD_USER_INPUT' },
  });
}
