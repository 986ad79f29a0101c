import type * as GraphQL from 'graphql';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { pure, subscriptionField } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { purityOf } from '../../src/execution/purity.ts';
import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import type { ReferenceEngineOptions } from '../../src/execution/reference-engine.ts';
import { prepared } from './accepted.ts';
import { executableSchema } from './executable-schema.ts';
import type { FieldFunctions } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  enum Level {
    LOW
    HIGH
  }
  scalar Time
  interface Node {
    id: ID
    next: Node
  }
  type Message implements Node {
    id: ID
    next: Node
    text: String!
    level: Level
    at: Time
    size(unit: Int): Float
    read: Boolean
    author: Actor
    replies: [[Message!]]!
  }
  type User implements Node {
    id: ID
    next: Node
    name: String
    shout: String
  }
  type Bot implements Node {
    id: ID
    next: Node
    maker: User
    shout: String
  }
  union Actor = User | Bot
  type Query {
    noop: Int
  }
  type Subscription {
    message: Message
    node: Node
    actor: Actor
    query: Query
  }
`;

const limits = { depth: Infinity, aliases: Infinity, directives: Infinity };

type Functions = Readonly<Record<string, Readonly<Record<string, FieldFunctions>>>>;

function resolver(source: unknown): unknown {
  return source;
}

/** The reason why the engine takes a document for impure, or `pure`. */
function reasonIn(
  schema: GraphQLSchema,
  query: string,
  options?: ReferenceEngineOptions,
): string | undefined {
  const engine = createReferenceEngine({ limits, ...options });
  const { purity } = prepared(engine.prepare(schema, { query }));
  return purity?.kind === 'impure' ? purity.reason : purity?.kind;
}

export function puritySuite(graphql: typeof GraphQL): void {
  const createSchema = (functions?: Functions) => executableSchema(graphql, definitions, functions);

  /** Gives a type a function that schemas built from SDL lack. */
  const withTypeFunctions = (functions: Readonly<Record<string, object>>) => {
    const schema = createSchema();
    for (const [name, members] of Object.entries(functions)) {
      Object.assign(schema.getType(name) ?? {}, members);
    }
    return schema;
  };

  /** Without limits and validation. */
  const examine = (schema: GraphQLSchema, document: DocumentNode, isIncremental = false) => {
    const [operation] = document.definitions;
    if (operation?.kind !== graphql.Kind.OPERATION_DEFINITION) throw new Error('no operation');
    return purityOf({ schema, document, operation, isIncremental });
  };

  describe('a selection is pure', () => {
    it.each([
      ['with default resolvers', '{ message { id text size read } }'],
      ['with enums and lists', '{ message { level replies { id replies { level } } } }'],
      ['with a scalar that has no functions', '{ message { at } }'],
      ['with introspection', '{ message { __typename author { __typename } } }'],
      ['with introspection below the root', '{ query { __schema { types { name } } } }'],
      ['with abstract types', '{ node { id next { next { id } } ... on Bot { shout } } }'],
      ['with unions', '{ actor { ... on User { name } ... on Node { id } ... { __typename } } }'],
      [
        'with fragments',
        '{ ...R } fragment R on Subscription { x: message { ...M } } fragment M on Message { id }',
      ],
      [
        'with directives',
        '($no: Boolean!) { message { id @skip(if: $no) text @include(if: $no) } }',
      ],
    ])('%s', (_, query) => {
      expect(reasonIn(createSchema(), `subscription ${query}`)).toBe('pure');
    });

    it('where a field has the default resolver by name', () => {
      const schema = createSchema({ Message: { text: graphql.defaultFieldResolver } });
      expect(reasonIn(schema, 'subscription { message { text } }')).toBe('pure');
    });

    it('where a resolver is declared pure', () => {
      const schema = createSchema({ Message: { text: pure(() => 'text') } });
      expect(reasonIn(schema, 'subscription { message { text } }')).toBe('pure');
    });

    it('where impure fields of other types have the same name', () => {
      const schema = createSchema({ Bot: { shout: resolver } });
      expect(reasonIn(schema, 'subscription { actor { ... on User { shout } } }')).toBe('pure');
    });

    it('where what is impure is not selected', () => {
      const schema = createSchema({ User: { shout: resolver }, Subscription: { node: resolver } });
      expect(reasonIn(schema, 'subscription { actor { ... on User { name } } }')).toBe('pure');
    });

    it('where a resolver stands at the field of an interface, which execution does not call', () => {
      const schema = createSchema();
      const node = schema.getType('Node');
      if (!graphql.isInterfaceType(node)) throw new Error('no interface');
      Object.assign(node.getFields()['id'] ?? {}, { resolve: resolver });
      expect(reasonIn(schema, 'subscription { node { id } }')).toBe('pure');
    });

    it("where the functions of its types are declared pure, or are graphql's own", () => {
      const schema = withTypeFunctions({
        Actor: { resolveType: pure(() => 'User') },
        Node: { resolveType: graphql.defaultTypeResolver },
        User: { isTypeOf: pure(() => true) },
      });
      expect(reasonIn(schema, 'subscription { actor { ... on User { next { id } } } }')).toBe(
        'pure',
      );
    });

    it('where the field comes from subscriptionField without a resolve, or with one declared pure', () => {
      const topic = createMemoryBroker().topic<object>('messages');
      const schema = createSchema({
        Subscription: {
          message: subscriptionField({ topic }),
          node: subscriptionField({ topic, resolve: pure((event) => event) }),
          actor: subscriptionField({ topic, resolve: (event) => event }),
        },
      });
      const reasons = ['message', 'node', 'actor'].map((field) =>
        reasonIn(schema, `subscription { ${field} { __typename } }`),
      );
      expect(reasons).toEqual(['pure', 'pure', 'Subscription.actor has a resolver']);
    });
  });

  describe('a selection is impure and says why', () => {
    it.each<[string, string, Functions, string]>([
      [
        'at the root',
        '{ message { id } }',
        { Subscription: { message: resolver } },
        'Subscription.message has a resolver',
      ],
      [
        'below it',
        '{ message { text } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'in a list of lists',
        '{ message { replies { text } } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'in any possible type',
        '{ node { next { id } } }',
        { Bot: { id: resolver } },
        'Bot.id has a resolver',
      ],
      [
        'in a fragment on one type',
        '{ node { ... on Bot { shout } } }',
        { Bot: { shout: resolver } },
        'Bot.shout has a resolver',
      ],
      [
        'in a fragment on an interface',
        '{ actor { ... on Node { id } } }',
        { User: { id: resolver } },
        'User.id has a resolver',
      ],
      [
        'in a named fragment',
        '{ ...R } fragment R on Subscription { message { text } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'in a mention of a merged field',
        '{ message { id } message { text } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'behind an alias',
        '{ message { id: text } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'in what is skipped',
        '{ message { id text @skip(if: true) } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
      [
        'in what is not included',
        '{ message { id ... @include(if: false) { text } } }',
        { Message: { text: resolver } },
        'Message.text has a resolver',
      ],
    ])('for a resolver %s', (_, query, functions, reason) => {
      expect(reasonIn(createSchema(functions), `subscription ${query}`)).toBe(reason);
    });

    it.each<[string, Readonly<Record<string, object>>, string]>([
      [
        '{ actor { __typename } }',
        { Actor: { resolveType: resolver } },
        'union Actor has resolveType',
      ],
      [
        '{ node { __typename } }',
        { Node: { resolveType: resolver } },
        'interface Node has resolveType',
      ],
      [
        '{ actor { ... on User { name } } }',
        { Bot: { isTypeOf: resolver } },
        'type Bot has isTypeOf',
      ],
      ['{ message { id } }', { Message: { isTypeOf: resolver } }, 'type Message has isTypeOf'],
      [
        '{ message { at } }',
        { Time: { serialize: resolver, coerceOutputValue: resolver } },
        'scalar Time is not declared pure',
      ],
    ])('%s where %o', (query, functions, reason) => {
      expect(reasonIn(withTypeFunctions(functions), `subscription ${query}`)).toBe(reason);
    });

    it('for a scalar that only bears the name of a built-in one', () => {
      const schema = graphql.buildSchema('scalar Text type Subscription { text: Text }', {
        assumeValid: true,
      });
      Object.assign(schema.getType('Text') ?? {}, {
        name: 'String',
        serialize: resolver,
        coerceOutputValue: resolver,
      });
      const document = graphql.parse('subscription { text }');
      expect(examine(schema, document)).toEqual({
        kind: 'impure',
        reason: 'scalar String is not declared pure',
      });
    });

    it('first for what stands first', () => {
      const schema = createSchema({ Message: { text: resolver, level: resolver, id: resolver } });
      const query = 'subscription { message { ... { id } level text } }';
      expect(reasonIn(schema, query)).toBe('Message.level has a resolver');
    });

    it('for an engine that resolves otherwise than graphql does', () => {
      const query = 'subscription { message { id } }';
      const reasonOf = (options: ReferenceEngineOptions) =>
        reasonIn(createSchema(), query, options);
      expect(reasonOf({ fieldResolver: resolver })).toBe(
        'the engine has a fieldResolver of its own',
      );
      expect(reasonOf({ typeResolver: () => 'User' })).toBe(
        'the engine has a typeResolver of its own',
      );
      expect(
        reasonOf({
          fieldResolver: pure((source: unknown) => source),
          typeResolver: graphql.defaultTypeResolver,
        }),
      ).toBe('pure');
    });

    it('for anything but a subscription', () => {
      expect(reasonIn(createSchema(), '{ noop }')).toBe('not a subscription');
    });

    it('for a subscription whose answers come in parts', () => {
      const document = graphql.parse('subscription { message { ... @defer { text } } }');
      expect(examine(createSchema(), document, true)).toEqual({
        kind: 'impure',
        reason: 'the operation uses @defer or @stream',
      });
    });
  });

  describe('the examination', () => {
    it('takes place when it is asked for, and once per document of the cache', () => {
      const schema = createSchema();
      const engine = createReferenceEngine();
      const asked = vi.spyOn(schema, 'getSubscriptionType');
      const prepare = () =>
        prepared(engine.prepare(schema, { query: 'subscription { message { id } }' }));
      const operation = prepare();
      asked.mockClear();
      const { purity } = operation;
      expect(prepare().purity).toBe(purity);
      expect(asked).toHaveBeenCalledTimes(1);
    });

    it('enters a fragment once, however many ways lead to it', () => {
      const levels = 30;
      const fragments = Array.from(
        { length: levels },
        (_, i) =>
          `fragment F${i} on Message { a: replies { ...F${i + 1} } b: replies { ...F${i + 1} } }`,
      );
      const query = `subscription { message { ...F0 } } ${fragments.join(' ')} fragment F${levels} on Message { text }`;
      const document = graphql.parse(query);
      const purity = examine(createSchema({ Message: { text: resolver } }), document);
      expect(purity).toEqual({ kind: 'impure', reason: 'Message.text has a resolver' });
      expect(examine(createSchema(), document)).toEqual({ kind: 'pure' });
    });

    it('goes through a thousand fragments', () => {
      const names = Array.from({ length: 1_000 }, (_, i) => `F${i}`);
      const query = `subscription { message { ${names.map((name) => `...${name}`).join(' ')} } }
        ${names.map((name) => `fragment ${name} on Message { id text }`).join(' ')}`;
      expect(examine(createSchema(), graphql.parse(query))).toEqual({ kind: 'pure' });
    });

    it('ends in cycles, which validation does not let pass', () => {
      const query =
        'subscription { message { ...A } } fragment A on Message { replies { ...A } ...A }';
      expect(examine(createSchema(), graphql.parse(query))).toEqual({ kind: 'pure' });
    });

    it('takes little work where many types refer to many', () => {
      const [schema, looked] = createWideSchema();
      const nested = (depth: number): string =>
        depth === 0 ? 'id' : `next { ${nested(depth - 1)} }`;
      const document = graphql.parse(`subscription { node { ${nested(10)} } }`);
      expect(examine(schema, document)).toEqual({ kind: 'pure' });
      expect(looked).toHaveBeenCalledTimes(11);
    });

    it('gives up in time where there is too much to look at', () => {
      const [schema, looked] = createWideSchema();
      const aliases = Array.from({ length: 1_000 }, (_, i) => `a${i}: next { id }`);
      const document = graphql.parse(`subscription { node { ${aliases.join(' ')} } }`);
      expect(examine(schema, document)).toEqual({
        kind: 'impure',
        reason: 'the operation selects too much to be examined',
      });
      expect(looked.mock.calls.length).toBeLessThan(100);
    });
  });

  /** With an interface that 300 types have, and a spy that counts how often they are asked for. */
  function createWideSchema() {
    const types = Array.from(
      { length: 300 },
      (_, i) => `type T${i} implements Node { id: ID next: Node }`,
    );
    const schema = graphql.buildSchema(`
      interface Node { id: ID next: Node }
      ${types.join(' ')}
      type Query { noop: Int }
      type Subscription { node: Node }
    `);
    return [schema, vi.spyOn(schema, 'getPossibleTypes')] as const;
  }
}
