import { buildSchema } from 'graphql';
import type { GraphQLResolveInfo } from 'graphql';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';
import { accepted, prepared } from './accepted.ts';

const schema = buildSchema(/* GraphQL */ `
  interface Named {
    name: String
  }
  type Item implements Named {
    name: String
    item: Item
    items: [Item]
    strict: String!
  }
  type Query {
    first: Item
    second: Item
    named: Named
    items: [Item]
    text: String
  }
  type Mutation {
    first: Item
    second: Item
    third: String
  }
  type Subscription {
    item: Item
  }
`);

const { Named, Item } = schema.getTypeMap();
Object.assign(Named ?? {}, { resolveType: ({ kind }: { readonly kind: unknown }) => kind });
Object.assign(Item ?? {}, {
  isTypeOf: ({ isItem = true }: { readonly isItem?: unknown }) => isItem,
});

const unhandled = countUnhandledRejections();

type Method = (args: unknown, context: unknown, info: GraphQLResolveInfo) => unknown;

/** One engine that executes one question. */
class Stage {
  readonly controller = new AbortController();
  /** What was called, and what of the abort was seen there. */
  readonly calls: string[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #opened = new Map<string, (value: unknown) => void>();

  /** A function of an object that says that it was called. */
  call(name: string, act: () => unknown): Method {
    return (_args, _context, info) => {
      this.calls.push(name);
      const signal = this.signalOf(info);
      const value = act();
      this.calls.push(`${name} ${describeSignal(signal)}, ${describeSignal(this.signalOf(info))}`);
      return value;
    };
  }

  /** The same that does not look at the signal before: it does not exist yet. */
  blind(name: string, act: () => unknown): () => unknown {
    return () => {
      this.calls.push(name);
      return act();
    };
  }

  signalOf(info: GraphQLResolveInfo): AbortSignal | undefined {
    // graphql 16 has none
    const signal = (info as Partial<GraphQLResolveInfo>).getAbortSignal?.();
    if (signal) this.signals.push(signal);
    return signal;
  }

  /** A promise that is kept when {@link Stage.open} is called. */
  wait(name: string): Promise<unknown> {
    return new Promise((resolve) => this.#opened.set(name, resolve));
  }

  open(name: string, value: unknown): void {
    this.#opened.get(name)?.(value);
  }

  abort(reason?: unknown): void {
    this.calls.push('aborted');
    this.controller.abort(reason);
  }
}

function describeSignal(signal: AbortSignal | undefined): string {
  if (!signal) return 'no signal';
  return signal.aborted ? `aborted by ${String(signal.reason)}` : 'not aborted';
}

interface Question {
  readonly query: string;
  readonly createRoot: (stage: Stage) => unknown;
  /** What happens once everything is awaited. */
  readonly later?: (stage: Stage) => void;
}

const questions: Readonly<Record<string, Question>> = {
  'before it began': {
    query: '{ text }',
    createRoot: (stage) => {
      stage.abort('before');
      return { text: stage.call('text', () => 'a') };
    },
  },
  'by a field that answers at once, beside others': {
    query: '{ first { name strict } second { name } text }',
    createRoot: (stage) => ({
      first: {
        name: stage.call('first.name', () => stage.abort('first')),
        strict: stage.call('first.strict', () => 'a'),
      },
      second: stage.call('second', () => ({ name: stage.call('second.name', () => 'b') })),
      text: stage.call('text', () => Promise.resolve('c')),
    }),
  },
  'by a field of a mutation that answers at once': {
    query: 'mutation { first { name } second { name } third }',
    createRoot: (stage) => ({
      first: stage.call('first', () => stage.abort(new Error('first'))),
      second: stage.call('second', () => ({ name: 'b' })),
      third: stage.call('third', () => 'c'),
    }),
  },
  'by a field below one of a mutation that was awaited': {
    query: 'mutation { first { name } second { name } third }',
    createRoot: (stage) => ({
      first: async () => {
        await Promise.resolve();
        return { name: stage.blind('first.name', () => stage.abort('first')) };
      },
      second: stage.call('second', () => ({ name: 'b' })),
      third: stage.call('third', () => 'c'),
    }),
  },
  'by the last field of a mutation, after one that was awaited': {
    query: 'mutation { first { name } third }',
    createRoot: (stage) => ({
      first: async () => ({ name: await Promise.resolve('a') }),
      third: stage.call('third', () => stage.abort('third')),
    }),
  },
  'while a field of a mutation is awaited': {
    query: 'mutation { first { name } second { name } }',
    createRoot: (stage) => ({
      first: stage.call('first', () => stage.wait('first')),
      second: stage.call('second', () => ({ name: 'b' })),
    }),
    later: (stage) => {
      stage.abort('meanwhile');
      stage.open('first', { name: stage.call('first.name', () => 'a') });
    },
  },
  'while fields are awaited that fail afterwards': {
    query: '{ first { name } items { name strict } text }',
    createRoot: (stage) => ({
      first: stage.call('first', () => stage.wait('first')),
      items: stage.call('items', () => [
        stage.wait('item'),
        { name: stage.wait('name'), strict: stage.call('strict', () => 'a') },
      ]),
      text: stage.call('text', () => stage.wait('text')),
    }),
    later: (stage) => {
      stage.open('name', 'a');
      stage.abort();
      stage.open('item', { name: stage.call('item.name', () => 'a'), strict: null });
      stage.open('first', Promise.reject(new Error('too late')));
      stage.open('text', 'b');
    },
  },
  'while the type of an object is awaited': {
    query: '{ named { name } first { name } }',
    createRoot: (stage) => ({
      named: { kind: stage.wait('kind'), name: stage.call('named.name', () => 'a') },
      first: { isItem: stage.wait('isItem'), name: stage.call('first.name', () => 'b') },
    }),
    later: (stage) => {
      stage.abort('meanwhile');
      stage.open('kind', 'Item');
      stage.open('isItem', true);
    },
  },
  'while a list is read': {
    query: '{ items { name } text }',
    createRoot: (stage) => ({
      items: stage.blind('items', () => readLater(stage)),
      text: stage.wait('text'),
    }),
    later: (stage) => {
      stage.abort('meanwhile');
      stage.open('item', { name: stage.call('item.name', () => 'b') });
      stage.open('text', 'c');
    },
  },
  'after it was answered': {
    query: '{ first { name } text }',
    createRoot: (stage) => ({
      first: async () => ({ name: stage.call('name', () => Promise.resolve('a')) }),
      text: stage.call('text', () => 'b'),
    }),
    later: (stage) => stage.abort('after'),
  },
};

async function* readLater(stage: Stage): AsyncGenerator {
  try {
    yield { name: stage.call('first.name', () => 'a') };
    yield await stage.wait('item');
    yield { name: stage.call('last.name', () => 'c') };
  } finally {
    stage.calls.push('left');
  }
}

async function ask(engine: ExecutionEngine, { query, createRoot, later }: Question) {
  const stage = new Stage();
  const rootValue = createRoot(stage);
  const operation = prepared(engine.prepare(schema, { query }));
  const { signal } = stage.controller;
  const answer = engine.execute(operation, { context: undefined, rootValue, signal });
  await untilIdle();
  later?.(stage);
  const outcome = await answer;
  await untilIdle();
  stage.calls.push('in the end', ...stage.signals.map(describeSignal));
  return { outcome: JSON.stringify(outcome), calls: stage.calls };
}

/** All microtasks are done. */
function untilIdle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('an operation that is aborted', () => {
  it.each(Object.entries(questions))('%s is left as graphql-js leaves it', async (_, question) => {
    const compiled = createCompiledEngine();

    const expected = await ask(createReferenceEngine(), question);
    unhandled.count = 0;
    const actual = await ask(compiled, question);

    expect(actual).toEqual(expected);
    expect(unhandled.count).toBe(0);
    expect(compiled.counters.reference).toEqual({});
  });
});

/** Executes three events, of which the second one is aborted. */
async function hear(
  engine: ExecutionEngine,
  createEvents: (stage: Stage) => readonly unknown[],
): Promise<unknown> {
  const stage = new Stage();
  const operation = prepared(engine.prepare(schema, { query: 'subscription { item { name } }' }));
  const { signal } = stage.controller;
  const started = accepted(
    await engine.subscribe(operation, {
      context: undefined,
      rootValue: { item: silence },
      signal,
    }),
  );
  const results: unknown[] = [];
  for (const item of createEvents(stage)) results.push(await started.execute({ item }));
  await untilIdle();
  await started.source.close();
  return { results: JSON.stringify(results), calls: stage.calls };
}

async function* silence(): AsyncGenerator<never> {}

describe('a subscription that is aborted', () => {
  const events: Readonly<Record<string, (stage: Stage) => readonly unknown[]>> = {
    'by a field that answers at once': (stage) => [
      { name: stage.call('first', () => 'a') },
      { name: stage.call('second', () => stage.abort('second')) },
      { name: stage.call('third', () => 'c') },
    ],
    'by a field that is awaited': (stage) => [
      { name: stage.call('first', async () => 'a') },
      { name: stage.blind('second', async () => stage.abort('second')) },
      { name: stage.call('third', async () => 'c') },
    ],
  };

  it.each(Object.entries(events))(
    '%s is executed as graphql-js executes it',
    async (_, createEvents) => {
      const expected = await hear(createReferenceEngine(), createEvents);
      const actual = await hear(createCompiledEngine(), createEvents);

      expect(actual).toEqual(expected);
    },
  );
});
