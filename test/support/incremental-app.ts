import { setImmediate } from 'node:timers/promises';

import * as graphql from 'graphql';
import type { GraphQLSchema } from 'graphql';

import { executableSchema } from '../execution/executable-schema.ts';

/** An application whose schema declares `@defer` and `@stream`. */
export interface IncrementalApp {
  readonly schema: GraphQLSchema;
  /** What `endless` has given so far. */
  readonly pulled: number;
  /** How many of its iterators were returned. */
  readonly returned: number;
  /** How many resolvers of `started` were entered. */
  readonly started: number;
}

const definitions = /* GraphQL */ `
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
  type Query {
    person: Person
    breaks: [Int]
    endless: [String]
    unwritable: Unwritable
  }
  type Mutation {
    rename(to: String!): Person
  }
  type Subscription {
    person: Person
  }
  scalar Unwritable
  type Person {
    name: String
    slow: String
    started: String
    never: String
    fails: String
    required: String!
    friend: Person
    films: [Film!]
  }
  type Film {
    title: String
    studio: String
  }
`;

const titles = ['A', 'B', 'C'];

export function createIncrementalApp(): IncrementalApp {
  const app = { schema: new graphql.GraphQLSchema({}), pulled: 0, returned: 0, started: 0 };
  const endless = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        await setImmediate();
        app.pulled += 1;
        return { done: false, value: `${app.pulled} ${'x'.repeat(10_000)}` };
      },
      return: async () => {
        app.returned += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  app.schema = executableSchema(graphql, definitions, {
    Query: {
      person: () => ({ name: 'Luke' }),
      breaks: async function* () {
        yield 1;
        yield 2;
        throw new Error('secret');
      },
      endless: () => endless,
      unwritable: () => 1n,
    },
    Mutation: { rename: (_: unknown, { to }: { readonly to: string }) => ({ name: to }) },
    Subscription: {
      person: {
        subscribe: async function* () {
          yield { person: { name: 'Luke' } };
        },
      },
    },
    Person: {
      slow: () => setImmediate('s'),
      started: () => setImmediate('s').finally(() => (app.started += 1)),
      never: () => new Promise(() => {}),
      fails: () => setImmediate().then(() => Promise.reject(new Error('secret'))),
      required: () => setImmediate(null),
      friend: () => ({ name: 'Han' }),
      films: async function* () {
        for (const title of titles) yield setImmediate({ title, studio: 'L' });
      },
    },
  });
  return app;
}

export const acceptParts = 'multipart/mixed;incrementalSpec=v0.2, application/json';
export const acceptPatches = 'multipart/mixed;deferSpec=20220824, application/json';

/** Of a person: a fragment and a list that come later. */
export const personQuery =
  '{ person { name ... @defer(label: "D") { slow } films @stream(initialCount: 1, label: "S") { title } } }';

export const wholePerson = {
  person: { name: 'Luke', slow: 's', films: titles.map((title) => ({ title })) },
};
