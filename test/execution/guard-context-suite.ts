import type * as GraphQL from 'graphql';
import { describe, expect, it } from 'vitest';

import { createGuardContext } from '../../src/execution/guard-context.ts';
import { executableSchema } from './executable-schema.ts';
import type { FieldFunctions } from './executable-schema.ts';

const definitions = /* GraphQL */ `
  type Message {
    text: String
    strict: String!
    late: String
    self: Message
  }
  type Query {
    message: Message
  }
`;

type Context = { readonly name: string };

const uses: readonly (readonly [string, (context: Context) => unknown])[] = [
  ['reads a member', (context) => context.name],
  ['looks for a member', (context) => 'name' in context],
  ['lists members', (context) => Object.keys(context)],
  ['copies it', (context) => ({ ...context })],
  ['describes a member', (context) => Object.getOwnPropertyDescriptor(context, 'name')],
  ['writes a member', (context) => Object.assign(context, { name: 'x' })],
  ['defines a member', (context) => Object.defineProperty(context, 'name', {})],
  ['deletes a member', (context) => Reflect.deleteProperty(context, 'name')],
  ['asks what it is', (context) => context instanceof Map],
  ['gives it a prototype', (context) => Object.setPrototypeOf(context, null) as unknown],
  ['freezes it', (context) => Object.freeze(context)],
  ['asks whether it is frozen', (context) => Object.isFrozen(context)],
  ['writes it into a text', (context) => String(context)],
  ['encodes it', (context) => JSON.stringify(context)],
  ['inherits from it', (context) => (Object.create(context) as Context).name],
];

function nameOf(_source: unknown, _args: unknown, { name }: Context): string {
  return name;
}

export function guardSuite(graphql: typeof GraphQL): void {
  const executeWith = (
    message: unknown,
    fields = 'text',
    functions: Readonly<Record<string, FieldFunctions>> = {},
  ) => {
    const guard = createGuardContext();
    const result = graphql.execute({
      schema: executableSchema(graphql, definitions, { Message: functions }),
      document: graphql.parse(`{ message { ${fields} } }`),
      rootValue: { message },
      contextValue: guard.context,
      fieldResolver: guard.fieldResolver,
    });
    return { guard, result };
  };

  describe('a guard', () => {
    it('is untouched where all properties are values, and nothing differs', async () => {
      const message = {
        text: 'hello',
        strict: new String('boxed'),
        late: Promise.resolve('later'),
        get self() {
          return Promise.resolve({ text: this.text });
        },
      };
      const { guard, result } = executeWith(message, 'text strict late self { text }');
      expect(await result).toEqual({
        data: {
          message: { text: 'hello', strict: 'boxed', late: 'later', self: { text: 'hello' } },
        },
      });
      expect(guard.wasTouched).toBe(false);
    });

    it.each([[undefined], [null], ['text'], [1], [Symbol('s')], [[]], [{ text: null }]])(
      'resolves as graphql does for the source %o',
      (source) => {
        const { guard, result } = executeWith(source);
        const document = graphql.parse('{ message { text } }');
        const schema = executableSchema(graphql, definitions);
        expect(JSON.stringify(result)).toBe(
          JSON.stringify(graphql.execute({ schema, document, rootValue: { message: source } })),
        );
        expect(guard.wasTouched).toBe(false);
      },
    );

    it('notices a property that is a function and does not call it', () => {
      let calls = 0;
      const { guard } = executeWith({ text: () => (calls += 1) });
      expect({ wasTouched: guard.wasTouched, calls }).toEqual({ wasTouched: true, calls: 0 });
    });

    it('notices methods, functions of functions and those of fields that must not be null', () => {
      class Message {
        strict(): string {
          return 'text';
        }
      }
      const callable = Object.assign(() => 1, { text: () => 'text' });
      expect(executeWith(new Message(), 'strict').guard.wasTouched).toBe(true);
      expect(
        executeWith({ self: { strict: () => 'text' } }, 'self { strict }').guard.wasTouched,
      ).toBe(true);
      const guard = createGuardContext();
      // graphql passes more than is read
      const info = { fieldName: 'text' } as GraphQL.GraphQLResolveInfo;
      expect(guard.fieldResolver(callable, {}, guard.context, info)).toBeNull();
      expect(guard.wasTouched).toBe(true);
    });

    it('does not mind functions that are not selected', () => {
      expect(executeWith({ text: 'hello', late: () => 'later' }).guard.wasTouched).toBe(false);
    });

    it.each(uses)('notices a function, called by graphql itself, that %s', async (_, use) => {
      const message = { text: (_args: unknown, context: Context) => use(context) };
      const { guard, result } = executeWith(message, 'text', {
        text: graphql.defaultFieldResolver,
      });
      const { errors } = await result;
      expect(guard.wasTouched).toBe(true);
      expect(errors?.[0]?.originalError).toBeInstanceOf(TypeError);
      expect(errors?.[0]?.message).toMatch(/shared by several subscribers has no context/);
    });

    it('notices a function that goes on later', async () => {
      const message = {
        text: async (_args: unknown, context: Context) => {
          await Promise.resolve();
          return context.name;
        },
      };
      const { guard, result } = executeWith(message, 'text', {
        text: graphql.defaultFieldResolver,
      });
      await result;
      expect(guard.wasTouched).toBe(true);
    });

    it('notices a resolver that was wrongly declared pure', () => {
      const { guard } = executeWith({}, 'text', { text: nameOf });
      expect(guard.wasTouched).toBe(true);
    });

    it('serves the next event after a reset', () => {
      const { guard } = executeWith({ text: () => 1 });
      guard.reset();
      expect(guard.wasTouched).toBe(false);
    });
  });
}
