import { setImmediate } from 'node:timers/promises';

import type { FormattedError, FormattedResult } from 'millrace';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { IncrementalPayload, PatchPayload } from '../../src/protocol/incremental/payloads.ts';
import { converse, subscribe } from '../support/conversation.ts';
import {
  acceptParts,
  acceptPatches,
  createIncrementalApp,
  personQuery,
  wholePerson,
} from '../support/incremental-app.ts';
import { MemoryStream } from '../support/memory-stream.ts';
import { mergeParts, mergePatches } from '../support/merge-parts.ts';

function stage(options: Partial<ServerOptions> = {}) {
  const app = createIncrementalApp();
  return { ...converse({ schema: app.schema, ...options }), incremental: app };
}

type Stage = ReturnType<typeof stage>;

/** The payloads of an answer as an event stream, until it ends. */
async function payloadsOf<Payload = IncrementalPayload>(
  { server, clock }: Stage,
  query: string,
): Promise<readonly Payload[]> {
  const stream = new MemoryStream(server, {
    headers: { accept: 'text/event-stream' },
    body: { query },
  });
  await stream.answered;
  while (stream.ending === 'open') await clock.settle();
  const events = stream.events();
  expect(events.at(-1)).toEqual(['complete', '']);
  return events.slice(0, -1).map(([, data]) => data as Payload);
}

const entriesOf = (payloads: readonly IncrementalPayload[]) =>
  payloads.flatMap(({ incremental = [] }) => incremental);
const completedOf = (payloads: readonly IncrementalPayload[]) =>
  payloads.flatMap(({ completed = [] }) => completed);
const masked = (path: readonly (string | number)[]): unknown =>
  expect.objectContaining({ message: 'Internal server error', path });

const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

describe('the payloads', () => {
  it('ID-6, ID-7, ID-8, ID-9, ID-10, ID-11, ID-13 keep the rules and come to the whole result', async () => {
    const [first, ...others] = await payloadsOf(stage(), personQuery);

    expect(first).toMatchObject({ data: {}, pending: [{}, {}], hasNext: true });
    for (const payload of others) {
      expect(payload).not.toHaveProperty('data');
      expect(payload).not.toHaveProperty('errors');
    }
    // throws for an id that is not announced, is announced twice or is not completed once
    expect(mergeParts(first ? [first, ...others] : [])).toEqual({ data: wholePerson, errors: [] });
  });

  it('ID-12 have the label of what has one', async () => {
    const payloads = await payloadsOf(
      stage(),
      '{ person { ... @defer(label: "D") { slow } ... @defer { started } films @stream { title } } }',
    );

    const [{ pending = [] } = {}] = payloads;
    expect(pending.map((part) => ('label' in part ? part.label : 'none')).toSorted()).toEqual([
      'D',
      'none',
      'none',
    ]);
  });

  it('ID-14, ID-17 have an error inside of a fragment with its data, at its place from the root', async () => {
    const payloads = await payloadsOf(stage(), '{ person { name ... @defer { fails slow } } }');

    expect(entriesOf(payloads)).toEqual([
      {
        id: '0',
        data: { fails: null, slow: 's' },
        errors: [masked(['person', 'fails'])],
      },
    ]);
    expect(JSON.stringify(payloads)).not.toContain('secret');
  });

  it('ID-15 have a failure of the whole fragment with its completion, and keep the rest', async () => {
    const payloads = await payloadsOf(stage(), '{ person { name ... @defer { required slow } } }');

    expect(entriesOf(payloads)).toEqual([]);
    expect(completedOf(payloads)).toEqual([
      { id: '0', errors: [expect.objectContaining({ path: ['person', 'required'] })] },
    ]);
    expect(mergeParts(payloads).data).toEqual({ person: { name: 'Luke' } });
  });

  it('ID-16, ID-19 keep the items, in order, of a list that fails', async () => {
    const payloads = await payloadsOf(stage(), '{ breaks @stream }');

    expect(mergeParts(payloads).data).toEqual({ breaks: [1, 2] });
    expect(completedOf(payloads)).toEqual([{ id: '0', errors: [masked(['breaks'])] }]);
    expect(JSON.stringify(payloads)).not.toContain('secret');
  });

  it('ID-18 leave empty lists out', async () => {
    const payloads = await payloadsOf(stage(), personQuery);

    for (const payload of payloads) expect(Object.values(payload)).not.toContainEqual([]);
  });

  it('ID-30 end with the last data', async () => {
    const payloads = await payloadsOf(stage(), '{ person { name ... @defer { slow } } }');

    expect(payloads.at(-1)).toMatchObject({
      incremental: [{ data: { slow: 's' } }],
      hasNext: false,
    });
  });

  it('come of a mutation, too', async () => {
    const payloads = await payloadsOf(
      stage(),
      'mutation { rename(to: "Leia") { name ... @defer { slow } } }',
    );

    expect(mergeParts(payloads).data).toEqual({ rename: { name: 'Leia', slow: 's' } });
  });
});

async function errorsOf(query: string): Promise<readonly FormattedError[]> {
  const { server } = stage();
  const stream = new MemoryStream(server, { headers: { accept: acceptParts }, body: { query } });
  await stream.answered;
  return (stream.json as FormattedResult).errors ?? [];
}

function subscription(argument: string): string {
  return `subscription { person { name ... @defer${argument} { slow } } }`;
}

describe('a document', () => {
  it.each([
    [
      'a label twice',
      '{ person { ... @defer(label: "a") { slow } films @stream(label: "a") { title } } }',
    ],
    ['a label from a variable', 'query ($l: String) { person { ... @defer(label: $l) { slow } } }'],
    ['@stream on what is no list', '{ person @stream { name } }'],
    ['@defer on the root of a mutation', 'mutation { ... @defer { rename(to: "x") { name } } }'],
    ['@defer on the root of a subscription', 'subscription { ... @defer { person { name } } }'],
  ])('ID-22 is refused with %s', async (_what, query) => {
    expect(await errorsOf(query)).toContainEqual(
      expect.objectContaining({ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }),
    );
  });

  it('ID-23 may not defer in a subscription, unless it says that it does not', async () => {
    expect(await errorsOf(subscription(''))).toHaveLength(1);
    expect(await errorsOf(subscription('(if: true)'))).toHaveLength(1);
    expect(await payloadsOf(stage(), subscription('(if: false)'))).toEqual([
      { data: { person: { name: 'Luke', slow: 's' } } },
    ]);
  });

  it.each([{ on: true }, {}])(
    'ID-23 that turns out to defer in a subscription with %j is refused',
    async (variables) => {
      const { server, clock, hidden } = stage();
      const stream = new MemoryStream(server, {
        headers: { accept: 'text/event-stream' },
        body: {
          query:
            'subscription ($on: Boolean! = true) { person { name ... @defer(if: $on) { slow } } }',
          variables,
        },
      });
      await stream.answered;
      while (stream.ending === 'open') await clock.settle();

      expect(stream.events()).toEqual([
        [
          'next',
          {
            errors: [
              expect.objectContaining({
                message: 'A subscription must disable "@defer" by its argument "if".',
                extensions: { code: 'BAD_USER_INPUT' },
              }),
            ],
          },
        ],
        ['complete', ''],
      ]);
      expect(hidden).toEqual([]);
    },
  );

  it('ID-23 that turns out not to defer in a subscription is executed', async () => {
    const { server, clock } = stage();
    const stream = new MemoryStream(server, {
      headers: { accept: 'text/event-stream' },
      body: {
        query: 'subscription ($on: Boolean!) { person { ... @defer(if: $on) { slow } } }',
        variables: { on: false },
      },
    });
    await stream.answered;
    while (stream.ending === 'open') await clock.settle();

    expect(stream.events()[0]).toEqual(['next', { data: { person: { slow: 's' } } }]);
  });

  it('is refused where the schema does not declare the directives', async () => {
    const { server } = converse();

    expect(await server.execute({ query: '{ ... @defer { hello } }' })).toMatchObject({
      errors: [{ message: 'Unknown directive "@defer".' }],
    });
  });
});

describe('the option incrementalFormat', () => {
  const query = personQuery;

  it('has the older format on event streams and sockets', async () => {
    const conversation = stage({ incrementalFormat: 'deferSpec=20220824' });
    const client = await conversation.ready();

    const overSse = await payloadsOf<PatchPayload>(conversation, query);
    subscribe(client, '1', query);
    const overSocket: PatchPayload[] = [];
    for (;;) {
      const observation = await client.next();
      const { payload } = (observation as { readonly message: { readonly payload?: PatchPayload } })
        .message;
      if (!payload) break;
      overSocket.push(payload);
    }

    for (const payloads of [overSse, overSocket]) {
      expect(JSON.stringify(payloads)).not.toContain('pending');
      expect(mergePatches(payloads)).toEqual({ data: wholePerson, errors: [] });
    }
  });

  it('may be chosen for each operation, and says nothing to who names a format', async () => {
    const conversation = stage({
      incrementalFormat: ({ operation }) =>
        operation.extensions?.['old'] === true ? 'deferSpec=20220824' : 'incrementalSpec=v0.2',
    });
    const ask = async (accept: string, old: boolean): Promise<string> => {
      const body = { query, extensions: { old } };
      const stream = new MemoryStream(conversation.server, { headers: { accept }, body });
      await stream.answered;
      while (stream.ending === 'open') await conversation.clock.settle();
      return stream.text.includes('pending') ? 'new' : 'old';
    };

    expect(await ask('text/event-stream', true)).toBe('old');
    expect(await ask('text/event-stream', false)).toBe('new');
    expect(await ask(acceptParts, true)).toBe('new');
    expect(await ask(acceptPatches, false)).toBe('old');
  });

  it('fails its operation alone if it throws', async () => {
    const conversation = stage({
      incrementalFormat: () => {
        throw new Error('secret');
      },
    });

    const [failed] = await payloadsOf(conversation, query);

    expect(failed).toMatchObject({ errors: [{ message: 'Internal server error' }] });
    expect(conversation.hidden).toEqual(['operation: secret']);
  });
});

describe.each([
  ['multipart/mixed in the newer format', acceptParts],
  ['multipart/mixed in the older format', acceptPatches],
  ['an event stream', 'text/event-stream'],
])('a client that leaves %s', (_what, accept) => {
  it('ID-27 ends iterators and starts no resolver any more', async () => {
    const { server, clock, incremental } = stage();
    const stream = new MemoryStream(server, {
      headers: { accept },
      body: { query: '{ person { name ... @defer { slow friend { started } } } endless @stream }' },
    });
    await stream.answered;

    stream.leave();
    await clock.settle();
    for (let turns = 0; turns < 10; turns += 1) await setImmediate();
    const { pulled } = incremental;
    for (let turns = 0; turns < 10; turns += 1) await setImmediate();

    expect(incremental).toMatchObject({ returned: 1, pulled });
    expect(server.gauges()).toMatchObject(nothingHeld);
  });

  it('is waited for while it reads slowly', async () => {
    const { server, clock, incremental } = stage({ limits: { outboxHighWaterBytes: 100_000 } });
    const stream = new MemoryStream(server, {
      headers: { accept },
      body: { query: '{ endless @stream }' },
    });
    await stream.answered;

    stream.bufferedBytes = 90_000;
    // graphql reads up to 100 items ahead
    for (let turns = 0; turns < 300; turns += 1) await setImmediate();
    const written = stream.text.length;
    const { pulled } = incremental;
    for (let turns = 0; turns < 100; turns += 1) await setImmediate();
    expect(stream.text.length).toBe(written);
    expect(incremental.pulled).toBe(pulled);
    expect(stream.ending).toBe('open');

    stream.drain();
    await clock.settle();
    for (let turns = 0; turns < 20; turns += 1) await setImmediate();
    expect(stream.text.length).toBeGreaterThan(written);
    stream.leave();
  });
});

it('ID-27 a socket that completes the operation ends iterators', async () => {
  const { ready, clock, incremental, server } = stage();
  const client = await ready();
  subscribe(client, '1', '{ endless @stream }');
  expect(await client.next()).toMatchObject({ message: { type: 'next' } });

  client.send('{"id":"1","type":"complete"}');
  await clock.settle();
  for (let turns = 0; turns < 10; turns += 1) await setImmediate();

  expect(incremental.returned).toBe(1);
  expect(server.gauges()).toMatchObject({ operations: 0 });
});
