import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { pure, subscriptionField } from 'millrace/server';

import type { Message, Messages, ServerProcess } from './messages.ts';

const typeDefs = /* GraphQL */ `
  type Server {
    name: String!
    pid: Int!
  }

  type Message {
    "Who numbers its messages from 1: a server process, or a window."
    publisher: ID!
    sequence: Int!
    text: String!
    "The process that gave it to the broker."
    publishedBy: Server!
    "The process that sends it to you."
    deliveredBy: Server!
  }

  type Query {
    "The process that answers."
    server: Server!
  }

  type Mutation {
    "May be sent again until it is answered: the same publisher and sequence add one message."
    publish(publisher: ID!, sequence: Int!, text: String!): Server!
  }

  type Subscription {
    messages: Message!
  }
`;

const maxLength = 200;

/** What one process of the cluster answers. */
export function createSchema(messages: Messages, self: ServerProcess): GraphQLSchema {
  const published = async (
    _: unknown,
    message: Pick<Message, 'publisher' | 'sequence' | 'text'>,
  ): Promise<ServerProcess> => {
    if ([message.publisher, message.text].some(({ length }) => length === 0 || length > maxLength))
      throw new GraphQLError(`1 to ${maxLength} characters, please`);
    await messages.publish(message);
    return self;
  };
  return makeExecutableSchema({
    typeDefs,
    resolvers: {
      // the same for all who ask this process, so that an event is executed once for all of them
      Message: { deliveredBy: pure(() => self) },
      Query: { server: () => self },
      Mutation: { publish: published },
      Subscription: { messages: subscriptionField({ topic: messages.topic }) },
    },
  });
}
