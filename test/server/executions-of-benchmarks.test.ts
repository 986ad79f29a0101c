import { buildSchema } from 'graphql';
import type { GraphQLObjectType } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createCompiledEngine, createServer, subscriptionField } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { accepted, prepared } from '../execution/accepted.ts';
import { connectInMemory } from '../support/memory-client.ts';

interface Questions {
  readonly typeDefs: string;
  readonly resolvers: Readonly<Record<string, Readonly<Record<string, () => unknown>>>>;
  readonly questions: Readonly<Record<string, { readonly rootValue: object }>>;
  readonly operationsOf: (name: string, count: number) => readonly string[];
}

/** What `bench/execute.mjs` asks. */
const path = new URL('../../bench/execute/questions.mjs', import.meta.url).href;
const { typeDefs, resolvers, questions, operationsOf } = (await import(path)) as Questions;

/** As `bench/servers/schema.mjs` and the generator of load have them. */
const messages = {
  typeDefs: /* GraphQL */ `
    type Message {
      id: ID!
      room: String!
      author: String!
      seq: Int!
      text: String!
    }
    type Query {
      hello: String
    }
    type Subscription {
      messageAdded(room: String!): Message!
    }
  `,
  query: 'subscription($room: String!) { messageAdded(room: $room) { id room author seq text } }',
};

async function* silence(): AsyncGenerator<never> {}

describe('nothing of the benchmarks is left to graphql-js', () => {
  it.each(Object.keys(questions))('not the events of "%s"', async (name) => {
    const schema = buildSchema(typeDefs);
    for (const [type, functions] of Object.entries(resolvers)) {
      const known = (schema.getType(type) as GraphQLObjectType).getFields(); // it has functions
      for (const [field, resolve] of Object.entries(functions))
        Object.assign(known[field] ?? {}, { resolve });
    }
    const engine = createCompiledEngine();
    const fields = Object.keys(schema.getSubscriptionType()?.getFields() ?? {});
    const rootValue = Object.fromEntries(fields.map((field) => [field, silence]));

    for (const query of operationsOf(name, 60)) {
      const operation = prepared(engine.prepare(schema, { query }));
      const started = accepted(await engine.subscribe(operation, { context: {}, rootValue }));
      const result = await started.execute(questions[name]?.rootValue);
      expect(result.errors).toBeUndefined();
      await started.source.close();
    }

    expect(engine.counters).toEqual({ compiled: 60, reference: {} });
  });

  it.each([
    { label: 'fan-out, all clients in one room', rooms: 1, executions: 3 },
    { label: 'unicast, a room for each client', rooms: 20, executions: 60 },
  ])('not the messages of a $label', async ({ rooms, executions }) => {
    const clock = new VirtualClock();
    const broker = createMemoryBroker();
    const topic = broker.topic<object>('messages');
    const messageAdded = subscriptionField({
      topic,
      key: ({ room }: { readonly room: string }) => room,
    });
    const schema = buildSchema(messages.typeDefs);
    Object.assign(schema.getSubscriptionType()?.getFields()['messageAdded'] ?? {}, messageAdded);
    const server = createServer({ schema, broker, clock, engine: 'compiled', resume: false });
    const clients = Array.from({ length: 20 }, () => connectInMemory(server, clock));
    for (const [index, client] of clients.entries()) {
      client.send(JSON.stringify({ type: 'connection_init' }));
      await client.next();
      const variables = { room: `r${index % rooms}` };
      const payload = { query: messages.query, variables };
      client.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    }
    await clock.settle();

    for (let seq = 0; seq < 3; seq += 1) {
      for (let room = 0; room < rooms; room += 1) {
        const message = { id: `m${seq}`, room: `r${room}`, author: 'Ada', seq, text: 'x' };
        await topic.publish(message, { key: `r${room}` });
      }
    }

    const received = await Promise.all(clients.map((client) => client.rest()));
    expect(received.map(({ length }) => length)).toEqual(clients.map(() => 3));
    expect(server.counters().executions).toEqual({ compiled: executions, reference: {} });
  });
});
