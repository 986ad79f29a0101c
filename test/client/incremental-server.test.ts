import { createClient } from 'millrace/client';
import type { Client, Transport } from 'millrace/client';
import { http } from 'millrace/client/http';
import { incrementalDelivery } from 'millrace/client/incremental';
import { multipart } from 'millrace/client/multipart';
import type { IncrementalFormat } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { sseSingle } from 'millrace/client/sse-single';
import { websocket } from 'millrace/client/websocket';
import { describe, expect, it, onTestFinished } from 'vitest';

import { personQuery, wholePerson } from '../support/incremental-app.ts';
import { serveIncremental } from '../support/incremental-server.ts';
import type { IncrementalServer } from '../support/incremental-server.ts';
import { until } from '../support/waiting.ts';

const transports: Readonly<Record<string, (format: IncrementalFormat) => Transport>> = {
  multipart: (format) => multipart({ incremental: [format] }),
  'server-sent events': () => sse(),
  'server-sent events over one connection': () => sseSingle(),
  'a WebSocket': () => websocket(),
};

const formats = ['incrementalSpec=v0.2', 'deferSpec=20220824'] as const;

const trials = Object.entries(transports).flatMap(([name, create]) =>
  formats.map((format) => ({ name, format, create: () => create(format) })),
);

async function connect(
  transport: Transport,
  incrementalFormat: IncrementalFormat = 'incrementalSpec=v0.2',
): Promise<{ readonly client: Client; readonly server: IncrementalServer }> {
  const server = await serveIncremental({ incrementalFormat });
  const client = createClient({
    url: server.httpUrl,
    transport: incrementalDelivery(transport),
    retry: false,
  });
  onTestFinished(() => client.close());
  return { client, server };
}

async function all(client: Client, query: string): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  const asTheyCame: unknown[] = [];
  for await (const result of client.subscribe({ query })) {
    results.push(result);
    asTheyCame.push(structuredClone(result));
  }
  // what was given does not change afterwards
  expect(results).toEqual(asTheyCame);
  return results;
}

describe.each(trials)('over $name in $format', ({ create, format }) => {
  it('ID-50 ID-51 shows a fragment and a list as they come', async () => {
    const { client } = await connect(create(), format);

    const results = await all(client, personQuery);

    expect(results[0]).toEqual({
      data: { person: { name: 'Luke', films: [{ title: 'A' }] } },
      hasNext: true,
    });
    expect(results.at(-1)).toMatchObject({ data: wholePerson });
    expect(results.length).toBeGreaterThan(2);
  });

  it('gives the whole to who waits for it', async () => {
    const { client } = await connect(create(), format);

    expect(await client.query({ query: personQuery })).toEqual({
      data: wholePerson,
      hasNext: false,
    });
    expect(
      await client.mutate({
        query: 'mutation { rename(to: "Leia") { name ... @defer { slow } } }',
      }),
    ).toEqual({ data: { rename: { name: 'Leia', slow: 's' } }, hasNext: false });
  });

  it('shows what fragments share, and a list inside of one', async () => {
    const { client } = await connect(create(), format);
    const query = `{ person {
      ... @defer(label: "A") { name friend { name slow } }
      ... @defer(label: "B") { started friend { name started } films @stream(initialCount: 2) { title } }
    } }`;

    expect(await client.query({ query })).toEqual({
      data: {
        person: {
          name: 'Luke',
          started: 's',
          friend: { name: 'Han', slow: 's', started: 's' },
          films: wholePerson.person.films,
        },
      },
      hasNext: false,
    });
  });

  it('ID-57 ID-58 shows the errors of a field, a fragment and a list beside the rest', async () => {
    const { client } = await connect(create(), format);
    const query = `{
      person { name ... @defer(label: "A") { fails } ... @defer(label: "B") { required } }
      breaks @stream
    }`;

    const { data, errors } = await client.query({ query });

    expect(data).toEqual({ person: { name: 'Luke', fails: null }, breaks: [1, 2] });
    expect(new Set(errors?.map(({ path }) => path?.join('.')))).toEqual(
      new Set(['person.fails', 'person.required', 'breaks']),
    );
  });

  it('ID-64 ends on the server what is left', async () => {
    const { client, server } = await connect(create(), format);
    let items = 0;
    for await (const { data } of client.subscribe({ query: '{ endless @stream }' })) {
      items = (data?.['endless'] as readonly string[] | undefined)?.length ?? 0;
      if (items > 2) break;
    }
    await until(() => server.gauges().operations === 0, 'no operation');
    await until(() => server.app.returned === 1, 'an iterator that was returned');

    expect(items).toBe(3);
  });
});

describe('ID-52 an answer that does not come in parts', () => {
  it.each([
    { name: 'of who asks for none', create: () => multipart({ incremental: [] }) },
    { name: 'of plain HTTP', create: () => http() },
  ])('is a result by itself: $name', async ({ create }) => {
    const { client } = await connect(create());

    expect(await client.query({ query: personQuery })).toEqual({ data: wholePerson });
  });

  it.each(Object.entries(transports))(
    'is one where nothing is deferred: over %s',
    async (_, create) => {
      const { client } = await connect(create('incrementalSpec=v0.2'));

      expect(
        await client.query({ query: '{ person { ... @defer(if: false) { name } } }' }),
      ).toEqual({
        data: { person: { name: 'Luke' } },
      });
    },
  );
});
