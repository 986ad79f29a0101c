import { GraphQLScalarType } from 'graphql';
import type { GraphQLFieldResolver, GraphQLResolveInfo, GraphQLTypeResolver } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { pure, subscriptionField } from 'millrace/server';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';

import {
  isDeclaredPure,
  isPureScalar,
  looksAtSourceAlone,
  pureInSource,
} from '../../src/execution/pure.ts';
import { UsageError } from '../../src/errors.ts';

interface Message {
  readonly text: string;
}

function createScalar(
  extensions: Readonly<Record<string, unknown>> = {},
): GraphQLScalarType<Date, string> {
  return new GraphQLScalarType({
    name: 'Time',
    serialize: String,
    parseValue: (value) => new Date(String(value)),
    extensions,
  });
}

function lengthOf({ text }: Message): number {
  return text.length;
}

/** Not the same twice, for the mark stays. */
const createLength = () => pure((message: Message) => lengthOf(message));

/** As above. */
const createText = () => pureInSource(({ text }: Message) => text);

function scaledLength({ text }: Message, { by }: { readonly by: number }): number {
  return text.length * by;
}

describe('a function that is declared pure', () => {
  it('is the same function, and bears no visible mark', () => {
    const resolve = createLength();
    expect(pure(resolve)).toBe(resolve);
    expect(isDeclaredPure(resolve)).toBe(true);
    expect(Object.keys(Object.assign({}, resolve))).toEqual([]);
    expect(isDeclaredPure(lengthOf)).toBe(false);
  });

  it('is no longer declared once it is wrapped, even by a wrapper that copies its properties', () => {
    const inner = createLength();
    const wrapper = (message: Message) => inner(message);
    Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(inner));
    const heir: object = Object.setPrototypeOf((message: Message) => inner(message), inner);
    expect([wrapper, heir, wrapper.bind(null)].map(isDeclaredPure)).toEqual([false, false, false]);
  });

  it('stays declared when it is bound to a value of this, but to no parameter', () => {
    const inner = createLength();
    const bound = inner.bind({});
    expect(bound({ text: 'four' })).toBe(4);
    expect([bound, bound.bind({})].map(isDeclaredPure)).toEqual([true, true]);
    expect(isDeclaredPure(inner.bind({}, { text: 'four' }))).toBe(false);
  });

  it('is recognised by another copy of the package', async () => {
    vi.resetModules();
    const other = await import('../../src/execution/pure.ts');
    expect(other.pure).not.toBe(pure);
    expect(other.isDeclaredPure(createLength())).toBe(true);
    expect(other.pure(createLength())({ text: 'four' })).toBe(4);
    expect(other.isPureScalar(pure(createScalar()))).toBe(true);
  });
});

describe('a function that is declared to look at its source alone', () => {
  it('is declared pure, also by another copy of the package', async () => {
    vi.resetModules();
    const other = await import('../../src/execution/pure.ts');
    const resolve = createText();
    expect([isDeclaredPure(resolve), looksAtSourceAlone(resolve)]).toEqual([true, true]);
    expect(other.looksAtSourceAlone(resolve)).toBe(true);
    expect(looksAtSourceAlone(createLength())).toBe(false);
  });

  it('stays so when it is bound to a value of this, and not when it is wrapped', () => {
    const inner = createText();
    const wrapper = (message: Message) => inner(message);
    Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(inner));
    const copies = [inner.bind({}), inner.bind({}).bind({}), inner.bind({}, { text: '' }), wrapper];
    expect(copies.map(looksAtSourceAlone)).toEqual([true, true, false, false]);
  });
});

describe('a scalar that is declared pure', () => {
  it('is the same scalar and keeps its extensions', () => {
    const scalar = createScalar({ codegen: 'Date', millrace: { other: 1 } });
    expect(isPureScalar(scalar)).toBe(false);
    expect(pure(pure(scalar))).toBe(scalar);
    expect({ ...scalar.extensions }).toEqual({
      codegen: 'Date',
      millrace: { other: 1, pure: true },
    });
    expect(isPureScalar(scalar)).toBe(true);
  });

  it.each([[undefined], [null], [true], [{ pure: 'yes' }], [{ pure: false }]])(
    'is not one with the extension %o',
    (millrace) => {
      expect(isPureScalar(createScalar({ millrace }))).toBe(false);
    },
  );
});

describe('pure', () => {
  it.each([[{ resolve: createLength() }], [undefined], ['text']])('does not take %o', (value) => {
    // as programs without types might
    expect(() => pure(value as never)).toThrow(UsageError);
  });

  it('keeps types', () => {
    expectTypeOf(pure(scaledLength)).toEqualTypeOf<typeof scaledLength>();
    expectTypeOf(pure(createScalar())).toEqualTypeOf<GraphQLScalarType<Date, string>>();
  });

  it('takes the types of parameters from where it stands, or as they are written', () => {
    const resolve: GraphQLFieldResolver<Message, unknown, { readonly by: number }> = pure(
      (message, { by }) => message.text.length * by,
    );
    const resolveType: GraphQLTypeResolver<Message, unknown> = pure(({ text }) => text);
    const map: { readonly text: typeof resolve } = { text: pure(({ text }) => text) };
    const topic = createMemoryBroker().topic<Message>('messages');
    const field = subscriptionField({ topic, resolve: pure((message: Message) => message.text) });
    expectTypeOf(field.resolve).parameter(0).toEqualTypeOf<Message>();
    // graphql passes more than is read
    const info = {} as GraphQLResolveInfo;
    expect(field.resolve({ text: 'hi' }, undefined, undefined, info)).toBe('hi');
    expect([resolve, resolveType, map.text, field.resolve].map(isDeclaredPure)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});
