import { createClient } from 'millrace/client';
import type { Client, OperationResult } from 'millrace/client';
import { incrementalDelivery } from 'millrace/client/incremental';
import { multipart } from 'millrace/client/multipart';
import type { MultipartOptions } from 'millrace/client/multipart';
import { describe, expect, it, onTestFinished } from 'vitest';

import { apolloOnGraphql17, apolloWithPatches, yoga } from './servers/servers-in-parts.ts';

/** A client, and the types of the answers that it gets. */
function connect(
  url: string,
  options: MultipartOptions = {},
): { readonly client: Client; readonly types: readonly string[] } {
  const types: string[] = [];
  const transport = multipart({
    ...options,
    fetch: async (...request) => {
      const response = await fetch(...request);
      types.push(`${response.status} ${response.headers.get('content-type')}`);
      return response;
    },
  });
  const client = createClient({ url, transport: incrementalDelivery(transport), retry: false });
  onTestFinished(() => client.close());
  return { client, types };
}

async function all(client: Client, query: string): Promise<readonly OperationResult[]> {
  const results: OperationResult[] = [];
  for await (const result of client.subscribe({ query })) results.push(result);
  return results;
}

const query = `{ person { name
  ... @defer(label: "D") { slow friend { name ... @defer(label: "E") { slow } } }
  films @stream(initialCount: 1, label: "S") { title ... @defer(label: "F") { studio } }
} }`;

const whole = {
  person: {
    name: 'Luke',
    slow: 's',
    friend: { name: 'Han', slow: 's' },
    films: ['A', 'B', 'C'].map((title) => ({ title, studio: `of ${title}` })),
  },
};

describe.each([yoga, apolloOnGraphql17, apolloWithPatches])(
  '$name',
  ({ serve, format, contentType }) => {
    it('ID-50 ID-51 shows what is deferred and streamed as it comes', async () => {
      const { client, types } = connect(await serve(), { incremental: [format] });

      const results = await all(client, query);

      expect(types).toEqual([`200 ${contentType}`]);
      expect(results[0]).toEqual({
        data: { person: { name: 'Luke', films: [{ title: 'A' }] } },
        hasNext: true,
      });
      expect(results.at(-1)?.data).toEqual(whole);
      expect(results.length).toBeGreaterThan(3);
    });

    it('gives the whole to who waits for it', async () => {
      const { client } = connect(await serve(), { incremental: [format] });

      expect(await client.query({ query })).toEqual({ data: whole, hasNext: false });
    });

    it('ID-57 ID-58 shows the errors of a field and a fragment beside the rest', async () => {
      const { client } = connect(await serve(), { incremental: [format] });

      const { data, errors } = await client.query({
        query: '{ person { name ... @defer { fails } ... @defer { required } } }',
      });

      expect(data).toEqual({ person: { name: 'Luke', fails: null } });
      expect(errors?.map(({ path }) => path)).toEqual([
        ['person', 'fails'],
        ['person', 'required'],
      ]);
    });

    it('ID-52 answers at once where nothing is deferred', async () => {
      const { client, types } = connect(await serve());

      expect(
        await client.query({ query: '{ person { name ... @defer(if: false) { slow } } }' }),
      ).toEqual({
        data: { person: { name: 'Luke', slow: 's' } },
      });
      expect(types).toEqual(['200 application/graphql-response+json; charset=utf-8']);
    });
  },
);

describe('who accepts both formats', () => {
  it.each([
    { library: yoga, contentType: 'multipart/mixed; boundary="-"' },
    {
      library: apolloOnGraphql17,
      contentType: 'multipart/mixed; boundary="-"; incrementalSpec=v0.2',
    },
  ])('gets parts in that which the server has: $library.name', async ({ library, contentType }) => {
    const { client, types } = connect(await library.serve());

    expect((await client.query({ query })).data).toEqual(whole);
    expect(types).toEqual([`200 ${contentType}`]);
  });

  it('gets a whole answer of a server that would defer in the older one alone: Apollo Server', async () => {
    const { client, types } = connect(await apolloWithPatches.serve());
    const deferred = '{ person { name ... @defer { slow } } }';

    expect(await client.query({ query: deferred })).toEqual({
      data: { person: { name: 'Luke', slow: 's' } },
    });
    expect(types).toEqual(['200 application/graphql-response+json; charset=utf-8']);
  });
});

it('Apollo Server tells who accepts no parts that it cannot answer', async () => {
  const { client } = connect(await apolloOnGraphql17.serve(), { incremental: [] });

  expect(await client.query({ query })).toEqual({
    errors: [
      expect.objectContaining({ extensions: expect.objectContaining({ code: 'BAD_REQUEST' }) }),
    ],
  });
});
