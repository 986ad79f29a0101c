import { runInNewContext } from 'node:vm';
import { buildSchema, execute, parse, visit } from 'graphql';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { createCompiledEngine } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { UsageError } from '../../src/errors.ts';
import { toCodeGenerator } from '../../src/execution/codegen-name.ts';
import { CodeGenerator } from '../../src/execution/compiled/code-generator.ts';
import { hotAfter } from '../../src/execution/compiled/hot-after.ts';
import { CompiledExecution } from '../../src/execution/compiled-execution.ts';
import type { PreparedOperation } from '../../src/execution/types.ts';

const schema = buildSchema(/* GraphQL */ `
  enum Mood {
    GOOD
    BAD
  }
  type Item {
    id: Int
    name: String!
    mood: Mood
    share: Float
    isOpen: Boolean
    constructor: String
    greeting(of: String = "you"): String
    next: Item
    items: [Item!]
  }
  type Query {
    items: [Item]
    others: [Item]
  }
`);

const fields = 'id name mood share isOpen constructor greeting next { id } items { id }';

function toOperation(query: string | DocumentNode): PreparedOperation {
  const document = typeof query === 'string' ? parse(query) : query;
  const operation = document.definitions[0] as OperationDefinitionNode; // the only one
  return { kind: 'query', schema, document, operation, isIncremental: false };
}

/** Executes the same operation again and again. */
function createExecutor(query: string | DocumentNode, generator?: CodeGenerator) {
  const compiled = new CompiledExecution(generator);
  const prepared = toOperation(query);
  return async (rootValue: unknown) =>
    compiled.execute(prepared, { schema, document: prepared.document, rootValue });
}

const ordinary = (id: number): object => ({
  id,
  name: 'a',
  mood: 'GOOD',
  share: 0.5,
  isOpen: true,
});

const times = <Item>(count: number, create: (index: number) => Item): readonly Item[] =>
  Array.from({ length: count }, (_, index) => create(index));

/** Of an operation, which is executed once: unless the first time is enough. */
const rootTexts = hotAfter === 0 ? 1 : 0;

const text = (value: unknown): string => JSON.stringify(value, undefined, 1);

describe('code of a selection', () => {
  it('is written when it was executed often', async () => {
    const generator = new CodeGenerator();
    const run = createExecutor('{ items { id name } }', generator);
    const itemsOfOne = { items: [ordinary(1)] };

    for (let i = 0; i < hotAfter; i += 1) await run(itemsOfOne);
    expect(generator.texts).toBe(0);
    await run(itemsOfOne);
    expect(generator.texts).toBe(2);
    await run(itemsOfOne);
    expect(generator.texts).toBe(2);
  });

  it('is shared by selections that look the same, also of other operations', async () => {
    const generator = new CodeGenerator();
    const items = times(hotAfter + 1, ordinary);

    await createExecutor('{ items { id name } }', generator)({ items });
    await createExecutor('{ others { id name } }', generator)({ others: items });
    expect(generator.texts).toBe(1 + 2 * rootTexts);
  });

  it('answers as before, also where it takes over within a list', async () => {
    const query = `{ items { ${fields} __typename } }`;
    const odd: readonly unknown[] = [
      { name: () => 'called', id: '7', mood: 'UGLY', share: 'x', isOpen: 2 },
      { name: null },
      { name: new Error('no name') },
      { name: Promise.resolve('later'), id: Promise.reject(new Error('no id')) },
      { name: 'a', greeting: ({ of }: { readonly of: string }) => `hello, ${of}` },
      { name: 'a', next: () => ({ id: 5 }), items: [ordinary(1), null] },
      { name: 'a', next: 'text', items: 'text', constructor: 7 },
      { name: 'a', next: Promise.resolve({ id: 1 }), items: new Set([ordinary(1)]) },
      Object.defineProperty({ id: 1 }, 'name', {
        get: () => {
          throw new Error('no getter');
        },
      }),
      null,
      'text',
      7,
      Object.assign(() => {}, { id: 3 }),
    ];
    const createRoot = () => ({ items: [...times(hotAfter - 3, ordinary), ...odd, ...odd] });
    const generator = new CodeGenerator();

    const { document } = toOperation(query);
    const expected = await execute({ schema, document, rootValue: createRoot() });
    const actual = await createExecutor(query, generator)(createRoot());

    expect(text(actual)).toBe(text(expected));
    expect(generator.texts).toBeGreaterThan(0);
  });

  it('looks at the properties of an object as closures do', async () => {
    const query = `{ items { ${fields} } }`;
    const readsWith = async (generator?: CodeGenerator): Promise<readonly unknown[]> => {
      const run = createExecutor(query, generator);
      const reads: unknown[] = [];
      const watch = (target: object): object =>
        new Proxy(target, {
          get: (_, key) => {
            reads.push(key);
            const value: unknown = Reflect.get(target, key);
            return key === 'next' ? watch({ id: 2 }) : value;
          },
        });
      await run({ items: times(hotAfter + 1, ordinary) });
      await run({ items: [watch(ordinary(1))] });
      return reads;
    };

    expect(await readsWith(new CodeGenerator())).toEqual(await readsWith());
  });

  it('is written for names that mean something to objects, but for one', async () => {
    const names = 'constructor toString: name then: id hasOwnProperty: id valueOf: id';
    const items = times(hotAfter + 1, ordinary);

    for (const [selection, texts] of [
      [names, 1],
      ['id __proto__: name', 0],
    ] as const) {
      const query = `{ items { ${selection} } }`;
      const generator = new CodeGenerator();
      const { document } = toOperation(query);

      const expected = await execute({ schema, document, rootValue: { items } });
      expect(text(await createExecutor(query, generator)({ items }))).toBe(text(expected));
      expect(generator.texts).toBe(texts + rootTexts);
    }
  });

  it.each([
    '"]: globalThis.broken = true, ["',
    '`${globalThis.broken = true}`',
    'a"; globalThis.broken = true; "',
    'a\u2028b',
    'a\\',
    '',
  ])('is not written for what is no name: %j', async (name) => {
    const generator = new CodeGenerator();
    const items = times(hotAfter + 1, ordinary);
    // no parser gives that, but documents need not come from one
    const document = visit(parse('{ items { id alias: name } }'), {
      Name: (node) => (node.value === 'alias' ? { ...node, value: name } : undefined),
    });

    const answer = await createExecutor(document, generator)({ items });

    expect(answer).toHaveProperty(['data', 'items', 0], { id: 0, [name]: 'a' });
    expect(generator.texts).toBe(rootTexts);
    expect(globalThis).not.toHaveProperty('broken');
  });

  it('is not written for objects of very many fields', async () => {
    const generator = new CodeGenerator();
    const many = times(101, (index) => `a${index}: id`).join(' ');

    await createExecutor(
      `{ items { ${many} } }`,
      generator,
    )({ items: times(hotAfter + 1, ordinary) });

    expect(generator.texts).toBe(rootTexts);
  });

  it('is asked for once where code from strings is forbidden, and closures answer', async () => {
    const options = { contextCodeGeneration: { strings: false, wasm: false } };
    const forbidding = runInNewContext('Function', {}, options) as FunctionConstructor;
    let asked = 0;
    const generator = new CodeGenerator(
      new Proxy(forbidding, {
        construct: (target, given: string[]) => {
          asked += 1;
          return new target(...given);
        },
      }),
    );
    const items = times(hotAfter + 1, ordinary);

    const answers = await Promise.all(
      ['id', 'name'].map((field) => createExecutor(`{ items { ${field} } }`, generator)({ items })),
    );

    expect(answers[0]).toHaveProperty(['data', 'items', 0], { id: 0 });
    expect(answers[1]).toHaveProperty(['data', 'items', 0], { name: 'a' });
    expect({ asked, texts: generator.texts }).toEqual({ asked: 1, texts: 0 });
  });
});

describe('the option `codegen`', () => {
  it('is to write code where that is allowed, or never', () => {
    expect(toCodeGenerator()).toBeInstanceOf(CodeGenerator);
    expect(toCodeGenerator('auto')).toBeInstanceOf(CodeGenerator);
    expect(toCodeGenerator('never')).toBeUndefined();
  });

  it('is nothing else', () => {
    // what a program without types may pass
    expect(() => createCompiledEngine({ codegen: 'always' as 'auto' })).toThrow(UsageError);
  });
});
