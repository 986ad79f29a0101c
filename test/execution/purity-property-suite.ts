import type * as GraphQL from 'graphql';
import type { DocumentNode } from 'graphql';
import fc from 'fast-check';
import { pure } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { createGuardContext } from '../../src/execution/guard-context.ts';
import { purityOf } from '../../src/execution/purity.ts';
import type { Purity } from '../../src/execution/types.ts';

const definitions = /* GraphQL */ `
  scalar Time
  interface Node {
    id: ID
    next: Node
  }
  type Message implements Node {
    id: ID
    next: Node
    text: String!
    at: Time
    author: Actor
    replies: [Message!]
  }
  type User implements Node {
    id: ID
    next: Node
    name: String
    best: Message
  }
  type Bot implements Node {
    id: ID
    next: Node
    maker: User
  }
  union Actor = User | Bot
  type Query {
    noop: Int
  }
  type Subscription {
    message: Message
    node: Node
    actor: Actor
  }
`;

interface Context {
  readonly name: string;
}

/** What a function of the schema does: nobody may see a difference but from the last. */
const behaviours = ['absent', 'graphql', 'declared pure', 'reads the context'] as const;
type Behaviour = (typeof behaviours)[number];

const spots = [
  'Subscription.message',
  'Subscription.node',
  'Message.id',
  'Message.text',
  'Message.author',
  'Message.replies',
  'User.next',
  'User.name',
  'Bot.id',
  'Bot.maker',
  'Actor',
  'Node',
  'Message',
  'User',
] as const;

const functions = fc.array(
  fc.record({ spot: fc.constantFrom(...spots), behaviour: fc.constantFrom(...behaviours) }),
  { maxLength: 4 },
);

/** Choices that a selection is made of, and where the event has a function that reads the context. */
const scenario = fc.record({
  functions,
  choices: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 }),
  method: fc.constantFrom(undefined, 'text', 'name', 'next', 'author'),
});

/** Two subscribers see the same, and so does everybody if the execution is shared. */
export function sharingSuite(graphql: typeof GraphQL): void {
  describe('whatever is selected, and whatever functions a schema and an event have', () => {
    it('a shared execution that touches no guard answers as each subscriber would be answered', () => {
      const counts = { shared: 0, touched: 0, impure: 0 };
      fc.assert(
        fc.property(scenario, ({ functions: placed, choices, method }) => {
          const schema = createSchema(placed);
          const document = graphql.parse(`subscription ${selectRoot(choices)}`);
          expect(graphql.validate(schema, document)).toEqual([]);
          const execute = (contextValue: unknown, fieldResolver = graphql.defaultFieldResolver) =>
            JSON.stringify(
              graphql.execute({
                schema,
                document,
                rootValue: createEvent(method),
                contextValue,
                fieldResolver,
              }),
            );
          if (examine(schema, document).kind === 'impure') return void (counts.impure += 1);
          const guard = createGuardContext();
          const shared = execute(guard.context, guard.fieldResolver);
          if (guard.wasTouched) {
            expect(method).toBeDefined();
            return void (counts.touched += 1);
          }
          counts.shared += 1;
          expect([execute({ name: 'Ann' }), execute({ name: 'Bob' })]).toEqual([shared, shared]);
        }),
        { numRuns: 500 },
      );
      expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
    });
  });

  function examine(schema: GraphQL.GraphQLSchema, document: DocumentNode): Purity {
    const [operation] = document.definitions;
    if (operation?.kind !== graphql.Kind.OPERATION_DEFINITION) throw new Error('no operation');
    return purityOf({ schema, document, operation, isIncremental: false });
  }

  function createSchema(
    placed: readonly { readonly spot: string; readonly behaviour: Behaviour }[],
  ) {
    const schema = graphql.buildSchema(definitions);
    for (const { spot, behaviour } of placed) {
      const [typeName = '', fieldName] = spot.split('.');
      const type = schema.getType(typeName);
      if (fieldName !== undefined) {
        if (!graphql.isObjectType(type)) throw new Error(`no object type ${typeName}`);
        Object.assign(type.getFields()[fieldName] ?? {}, {
          resolve: resolverOf(fieldName, behaviour),
        });
      } else if (graphql.isObjectType(type)) {
        Object.assign(type, { isTypeOf: typePredicateOf(behaviour) });
      } else {
        Object.assign(type ?? {}, { resolveType: typeResolverOf(behaviour) });
      }
    }
    return schema;
  }

  function resolverOf(field: string, behaviour: Behaviour) {
    const read = (source: unknown) => (source as Readonly<Record<string, unknown>>)[field];
    return {
      absent: undefined,
      graphql: graphql.defaultFieldResolver,
      'declared pure': pure((source: unknown) => {
        const value = read(source);
        return typeof value === 'function' ? null : value;
      }),
      'reads the context': (source: unknown, _args: unknown, { name }: Context) =>
        name === 'Ann' ? read(source) : null,
    }[behaviour];
  }

  function typeResolverOf(behaviour: Behaviour) {
    return {
      absent: undefined,
      graphql: graphql.defaultTypeResolver,
      'declared pure': pure(() => 'User'),
      'reads the context': (_value: unknown, { name }: Context) =>
        name === 'Ann' ? 'User' : 'Bot',
    }[behaviour];
  }
}

function typePredicateOf(behaviour: Behaviour) {
  return {
    absent: undefined,
    graphql: undefined,
    'declared pure': pure(() => true),
    'reads the context': (_value: unknown, { name }: Context) => name === 'Ann',
  }[behaviour];
}

function createEvent(method: string | undefined): object {
  const user: Record<string, unknown> = { __typename: 'User', id: 'u', name: 'Eve' };
  const bot = { __typename: 'Bot', id: 'b', maker: user, next: user };
  const message = { __typename: 'Message', id: 'm', text: 'hello', at: 1, author: user, next: bot };
  Object.assign(user, { next: message, best: message });
  Object.assign(message, { replies: [message, { text: 'hi', author: bot }] });
  if (method !== undefined) {
    const speak = (_args: unknown, { name }: Context) => (method === 'next' ? null : name);
    Object.assign(method === 'name' ? user : message, { [method]: speak });
  }
  return { message, node: message, actor: user };
}

const composites: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Subscription: { message: 'Message', node: 'Node', actor: 'Actor' },
  Message: { next: 'Node', author: 'Actor', replies: 'Message' },
  User: { next: 'Node', best: 'Message' },
  Bot: { next: 'Node', maker: 'User' },
  Node: { next: 'Node' },
  Actor: {},
};

const leaves: Readonly<Record<string, readonly string[]>> = {
  Message: ['id', 'text', 'at', '__typename'],
  User: ['id', 'name', '__typename'],
  Bot: ['id', '__typename'],
  Node: ['id', '__typename'],
  Actor: ['__typename'],
};

const narrower: Readonly<Record<string, readonly string[]>> = {
  Node: ['Message', 'User', 'Bot', 'Actor'],
  Actor: ['User', 'Bot', 'Node'],
};

/** Makes a valid selection of choices; when they run out, of the first possibility each. */
function selectRoot(choices: readonly number[]): string {
  const pending = [...choices];
  let aliases = 0;
  const choose = <Option>(options: readonly Option[]): Option | undefined =>
    options[(pending.shift() ?? 0) % options.length];
  const select = (type: string, depth: number): string => {
    const fields = Object.entries(composites[type] ?? {});
    const parts = Array.from({ length: 1 + ((pending.shift() ?? 0) % 3) }, () => {
      const [field, inner] = choose(fields) ?? [];
      const condition = choose(narrower[type] ?? []);
      const leaf = `a${(aliases += 1)}: ${choose(leaves[type] ?? ['__typename'])}`;
      const kind = depth === 0 ? 'leaf' : choose(['leaf', 'field', 'field', 'fragment']);
      if (kind === 'field' && field !== undefined && inner !== undefined)
        return `a${(aliases += 1)}: ${field} ${select(inner, depth - 1)}`;
      if (kind === 'fragment' && condition !== undefined)
        return `... on ${condition} ${select(condition, depth - 1)}`;
      return leaf;
    });
    return `{ ${parts.join(' ')} }`;
  };
  const [field, inner] = choose(Object.entries(composites['Subscription'] ?? {})) ?? [];
  return `{ ${field} ${select(inner ?? '', 4)} }`;
}
