import { buildSchema, isObjectType, parse } from 'graphql';
import type { GraphQLNamedType, GraphQLResolveInfo, OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';

import { CompiledOperation } from '../../src/execution/compiled/compiled-operation.ts';
import { PlanRoom } from '../../src/execution/compiled/plan-room.ts';
import { Selection } from '../../src/execution/compiled/selection.ts';
import { semantics } from '../../src/execution/compiled/semantics.ts';
import { CompiledExecution } from '../../src/execution/compiled-execution.ts';
import { createCompiledEngine } from '../../src/execution/reference-engine.ts';
import { prepared } from './accepted.ts';

const noFields = new Selection([], 0, undefined);

describe('the plans of an engine', () => {
  it('are kept while there is room', () => {
    const room = new PlanRoom(10);
    const [first, second] = [{}, {}];

    room.set(first, noFields);
    room.grow(6);
    room.set(second, noFields);
    room.grow(4);

    expect([room.get(first), room.get(second)]).toEqual([noFields, noFields]);
  });

  it('go all together when there is none, and others come', () => {
    const room = new PlanRoom(10);
    const [first, second] = [{}, {}];

    room.set(first, noFields);
    room.grow(6);
    room.grow(5);
    room.set(second, noFields);
    room.grow(10);

    expect([room.get(first), room.get(second)]).toEqual([undefined, noFields]);
  });

  it('may be compiled again: what was bound before goes on', () => {
    const schema = buildSchema(/* GraphQL */ `
      type Item {
        id(of: Int = 1): Int
        left: Item
        right: Item
      }
      type Query {
        item: Item
      }
    `);
    const item: Record<string, unknown> = { id: ({ of }: { readonly of: number }) => of };
    Object.assign(item, { left: item, right: item });
    const engine = createCompiledEngine();
    const room = new PlanRoom(5);
    const bound = [
      '{ item { id left { id(of: 2) } } }',
      '{ item { right { left { id(of: 3) } } } }',
    ].map((query) => {
      const operation = prepared(engine.prepare(schema, { query }));
      if (!semantics) throw new Error('of a version that was compared');
      const compiled = new CompiledOperation(operation, semantics, room);
      const { fragments } = compiled;
      const variableValues = noVariables as GraphQLResolveInfo['variableValues']; // of both versions
      return compiled.bind({ variableValues, fragments }, { hideSuggestions: false });
    });

    const execute = () =>
      bound.map((plan) => plan.execute({ rootValue: { item }, context: undefined }));

    const first = execute();
    expect(first).toEqual([
      { data: { item: { id: 1, left: { id: 2 } } } },
      { data: { item: { right: { left: { id: 3 } } } } },
    ]);
    expect(execute()).toEqual(first);
    expect(execute()).toEqual(first);
  });
});

describe('an operation with more fields than are kept', () => {
  it('has the others compiled once for each execution', () => {
    const schema = buildSchema(/* GraphQL */ `
      type Item {
        name: String
        item: Item
      }
      type Query {
        items: [Item]
      }
    `);
    const lookups = countLookups(schema.getType('Item'));
    const names = Array.from({ length: 6_000 }, (_, i) => `n${i}: name`).join(' ');
    const document = parse(`{ items { ${names} item { ${names} } } }`);
    const operation = document.definitions[0] as OperationDefinitionNode; // the only one
    const large = { kind: 'query', schema, document, operation, isIncremental: false } as const;
    const item = { name: 'a', item: { name: 'b' } };
    const args = { schema, document, rootValue: { items: [item, item, item] } };
    const engine = new CompiledExecution();

    const first = JSON.stringify(engine.execute(large, args));
    const ofFirst = lookups.count;
    const second = JSON.stringify(engine.execute(large, args));

    expect(first.match(/"n5999":"b"/gu)).toHaveLength(3);
    expect(second).toBe(first);
    // `item` is one of them
    expect([ofFirst, lookups.count - ofFirst]).toEqual([12_001, 6_000]);
  });
});

/** How often fields of `type` are looked for: once for each that is compiled. */
function countLookups(type: GraphQLNamedType | undefined): { readonly count: number } {
  if (!isObjectType(type)) throw new Error('of an object type');
  const lookups = { count: 0 };
  const fields = type.getFields();
  const getFields = (): typeof fields => {
    lookups.count += 1;
    return fields;
  };
  Object.assign(type, { getFields });
  return lookups;
}

const noVariables = { coerced: {}, sources: {} };
