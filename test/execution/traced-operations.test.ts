import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';

import { buildSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import type { ExecutionEngine } from '../../src/execution/types.ts';
import { accepted, prepared } from './accepted.ts';

const schema = buildSchema(/* GraphQL */ `
  type Query {
    a: Int
    b: Int
  }
  type Subscription {
    a: Int
  }
`);

/** What graphql 17 says while it executes an operation, and which events of a subscription. */
const channels = [
  'graphql:execute',
  'graphql:execute:variableCoercion',
  'graphql:execute:rootSelectionSet',
  'graphql:resolve',
] as const;

async function execute(engine: ExecutionEngine): Promise<void> {
  const operation = prepared(engine.prepare(schema, { query: '{ a b }' }));
  await engine.execute(operation, {
    context: undefined,
    rootValue: { a: 1, b: () => Promise.reject(new Error('b')) },
  });
}

async function executeEvent(engine: ExecutionEngine): Promise<void> {
  const operation = prepared(engine.prepare(schema, { query: 'subscription { a }' }));
  const started = accepted(
    await engine.subscribe(operation, { context: undefined, rootValue: { a: silence } }),
  );
  await started.execute({ a: 1 });
  await started.source.close();
}

async function* silence(): AsyncGenerator<never> {}

/** What somebody who listens to `name` hears meanwhile. */
async function listen(name: string, act: () => Promise<void>): Promise<readonly string[]> {
  const heard: string[] = [];
  const listeners = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((phase) => [
      phase,
      (message: object) => heard.push(`${phase} ${Object.keys(message).join()}`),
    ]),
  ) as unknown as Parameters<ReturnType<typeof tracingChannel>['subscribe']>[0]; // all five
  const channel = tracingChannel(name);
  channel.subscribe(listeners);
  await act();
  channel.unsubscribe(listeners);
  return heard;
}

describe('an operation that somebody traces', () => {
  it.each(channels)('is told of on %s as graphql-js tells of it, and counted', async (name) => {
    const engine = createCompiledEngine();

    const expected = await listen(name, () => execute(createReferenceEngine()));
    const actual = await listen(name, () => execute(engine));

    expect(expected).not.toEqual([]);
    expect(actual).toEqual(expected);
    expect(engine.counters).toEqual({ compiled: 0, reference: { tracing: 1 } });
  });

  it.each(['graphql:execute:rootSelectionSet', 'graphql:resolve'])(
    'is told of on %s for each event of a subscription',
    async (name) => {
      const engine = createCompiledEngine();

      const expected = await listen(name, () => executeEvent(createReferenceEngine()));
      const actual = await listen(name, () => executeEvent(engine));

      expect(expected).not.toEqual([]);
      expect(actual).toEqual(expected);
      expect(engine.counters).toEqual({ compiled: 0, reference: { tracing: 1 } });
    },
  );

  it('may be one for which a store was bound, and nobody listens', async () => {
    const engine = createCompiledEngine();
    const store = new AsyncLocalStorage<unknown>();
    const { start } = tracingChannel('graphql:execute');

    start.bindStore(store);
    await execute(engine);
    start.unbindStore(store);

    expect(engine.counters.reference).toEqual({ tracing: 1 });
  });

  it('is executed by a plan again once nobody listens', async () => {
    const engine = createCompiledEngine();

    await listen('graphql:resolve', () => execute(engine));
    await execute(engine);
    await executeEvent(engine);

    expect(engine.counters).toEqual({ compiled: 2, reference: { tracing: 1 } });
  });

  it('is none where somebody listens to what is no execution', async () => {
    const engine = createCompiledEngine();

    const heard = await listen('graphql:parse', () => execute(engine));

    expect(heard).not.toEqual([]);
    expect(engine.counters).toEqual({ compiled: 1, reference: {} });
  });
});
