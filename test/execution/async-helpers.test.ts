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

const schema = buildSchema('type Query { a: [Int] } type Subscription { a: Int }');
const unhandled = countUnhandledRejections();

type Helpers = ReturnType<GraphQLResolveInfo['getAsyncHelpers']>;

const questions: Readonly<Record<string, (helpers: Helpers) => unknown>> = {
  'has one set of them': (helpers) => [Object.keys(helpers).length],
  'waits for all of several promises': ({ promiseAll }) => promiseAll([Promise.resolve(1), 2]),
  'hears of the first one that failed': ({ promiseAll }) =>
    promiseAll([Promise.resolve(1), Promise.reject(new Error('a')), failLater('b')]),
  'need not look at what several promises amount to': ({ promiseAll }) => {
    void promiseAll([failLater('a'), failLater('b')]);
    return [1];
  },
  'need not look at promises that it leaves behind': ({ track }) => {
    track([failLater('a'), 5, Promise.reject(new Error('b')), null]);
    return [1];
  },
  'is told at once of what is no list': ({ track }) => {
    // what a program without types may pass
    track(5 as unknown as []);
    return [1];
  },
};

async function failLater(message: string): Promise<never> {
  await Promise.resolve();
  throw new Error(message);
}

async function ask(engine: ExecutionEngine, question: (helpers: Helpers) => unknown) {
  const seen = new Set<Helpers>();
  const a = (_args: unknown, _context: unknown, info: GraphQLResolveInfo): unknown => {
    const helpers = info.getAsyncHelpers();
    seen.add(helpers).add(info.getAsyncHelpers());
    return question(helpers);
  };
  const operation = prepared(engine.prepare(schema, { query: '{ a }' }));
  unhandled.count = 0;
  const outcome = await engine.execute(operation, { context: undefined, rootValue: { a } });
  await new Promise((resolve) => setImmediate(resolve));
  return { outcome: JSON.stringify(outcome), seen: seen.size, unhandled: unhandled.count };
}

describe('a resolver with the helpers of graphql 17', () => {
  it.each(Object.entries(questions))('%s', async (_, question) => {
    const expected = await ask(createReferenceEngine(), question);
    const actual = await ask(createCompiledEngine(), question);

    expect(actual).toEqual(expected);
    expect(actual).toMatchObject({ seen: 1, unhandled: 0 });
  });

  it('has them where it makes the source of a subscription, too', async () => {
    const engine = createReferenceEngine();
    const operation = prepared(engine.prepare(schema, { query: 'subscription { a }' }));
    unhandled.count = 0;

    const started = accepted(
      await engine.subscribe(operation, { context: undefined, rootValue: { a: open } }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    await started.source.close();

    expect(unhandled.count).toBe(0);
  });
});

function open(_args: unknown, _context: unknown, info: GraphQLResolveInfo): unknown {
  const { promiseAll, track } = info.getAsyncHelpers();
  void promiseAll([failLater('a')]);
  track([failLater('b')]);
  return events();
}

async function* events(): AsyncGenerator<never> {}
