import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import type { ApolloLink } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, fetchExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { pipe, subscribe } from 'wonka';
import { WebSocket } from 'ws';

import { acceptParts, personQuery, wholePerson } from '../support/incremental-app.ts';
import { serveIncremental } from '../support/incremental-server.ts';
import type { IncrementalServer } from '../support/incremental-server.ts';
import { until } from '../support/waiting.ts';

// The link compares with a constant of the browsers' class, which Node has from version 22 on.
beforeEach(() => void vi.stubGlobal('WebSocket', WebSocket));
afterEach(() => void vi.unstubAllGlobals());

/** What a program is shown. */
interface Shown {
  readonly data: unknown;
  readonly error: string | undefined;
}

const firstOfPerson = { person: { name: 'Luke', films: [{ title: 'A' }] } };

/** Clients add names of types to what they ask for, and of some objects to what they show. */
function withoutTypes(data: unknown): unknown {
  return JSON.parse(
    JSON.stringify(data, (name, value: unknown) => (name === '__typename' ? undefined : value)),
  );
}

/** `fetch`, and the types of the answers. */
function watchedFetch(): { readonly types: (string | null)[]; readonly fetch: typeof fetch } {
  const types: (string | null)[] = [];
  return {
    types,
    fetch: async (...request) => {
      const response = await fetch(...request);
      types.push(response.headers.get('content-type'));
      return response;
    },
  };
}

const handlers = {
  'deferSpec=20220824': () => new Defer20220824Handler(),
  'incrementalSpec=v0.2': () => new GraphQL17Alpha9Handler(),
} as const;

type Format = keyof typeof handlers;
const formats = Object.keys(handlers) as readonly Format[]; // of its own literals

/** All that Apollo Client shows of a query until it is complete. */
async function showInApollo(
  link: ApolloLink,
  format: Format,
  query: string,
): Promise<readonly Shown[]> {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link,
    // either is one; the declaration asks for one that knows no further names than its own
    incrementalHandler: handlers[format]() as Defer20220824Handler,
  });
  onTestFinished(() => client.stop());
  const shown: Shown[] = [];
  let isOver = false;
  const subscription = client
    .watchQuery({ query: gql(query), fetchPolicy: 'network-only', errorPolicy: 'all' })
    .subscribe(({ data, error, loading }) => {
      isOver = !loading;
      if (data !== undefined) shown.push({ data: withoutTypes(data), error: error?.message });
    });
  await until(() => isOver, 'the last part');
  subscription.unsubscribe();
  return shown;
}

function socketLink({ webSocketUrl }: IncrementalServer): ApolloLink {
  const client = createClient({ url: webSocketUrl, webSocketImpl: WebSocket });
  onTestFinished(() => void client.dispose());
  return new GraphQLWsLink(client);
}

describe.each(formats)('Apollo Client with %s', (format) => {
  it('shows a fragment and a list as they come over multipart/mixed', async () => {
    const { httpUrl } = await serveIncremental();
    const { types, fetch: watched } = watchedFetch();

    const link = new HttpLink({ uri: httpUrl, fetch: watched });
    const shown = await showInApollo(link, format, personQuery);

    expect(types).toEqual([`multipart/mixed; boundary="-"; ${format}`]);
    expect(shown[0]?.data).toEqual(firstOfPerson);
    expect(shown.at(-1)).toEqual({ data: wholePerson, error: undefined });
    expect(shown.length).toBeGreaterThan(2);
  });

  it('shows them as they come over a WebSocket', async () => {
    const server = await serveIncremental({ incrementalFormat: format });

    const shown = await showInApollo(socketLink(server), format, personQuery);

    expect(shown[0]?.data).toEqual(firstOfPerson);
    expect(shown.at(-1)).toEqual({ data: wholePerson, error: undefined });
  });

  it('shows what fragments share, and a list inside of one', async () => {
    const { httpUrl } = await serveIncremental();
    const query = `{ person {
      ... @defer(label: "A") { name friend { name slow } }
      ... @defer(label: "B") { started friend { name started } films @stream(initialCount: 2) { title } }
    } }`;

    const shown = await showInApollo(new HttpLink({ uri: httpUrl }), format, query);

    const { person } = wholePerson;
    expect(shown.at(-1)).toEqual({
      data: {
        person: {
          ...person,
          slow: undefined,
          started: 's',
          friend: { name: 'Han', slow: 's', started: 's' },
        },
      },
      error: undefined,
    });
  });

  it('shows an error in a fragment beside the rest, without what is hidden', async () => {
    const { httpUrl } = await serveIncremental();

    const shown = await showInApollo(
      new HttpLink({ uri: httpUrl }),
      format,
      '{ person { name ... @defer(label: "D") { fails slow } } }',
    );

    expect(shown.at(-1)).toEqual({
      data: { person: { name: 'Luke', fails: null, slow: 's' } },
      error: 'Internal server error',
    });
  });

  it('shows what was there before a fragment failed as a whole', async () => {
    const { httpUrl } = await serveIncremental();

    const shown = await showInApollo(
      new HttpLink({ uri: httpUrl }),
      format,
      '{ person { name ... @defer(label: "D") { required } } }',
    );

    expect(shown.at(-1)).toEqual({
      data: { person: { name: 'Luke' } },
      error: 'Internal server error',
    });
  });
});

/** All that urql shows of a query until it is complete. */
async function showInUrql(client: Client, query: string): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  let isOver = false;
  const subscription = pipe(
    client.query(query, {}),
    subscribe(({ data, error, hasNext }) => {
      shown.push({ data: withoutTypes(data), error: error?.message });
      isOver = !hasNext;
    }),
  );
  await until(() => isOver, 'the last part');
  subscription.unsubscribe();
  return shown;
}

describe('urql', () => {
  it('shows a fragment and a list as they come', async () => {
    const { httpUrl } = await serveIncremental();
    const { types, fetch: watched } = watchedFetch();
    const client = new Client({
      url: httpUrl,
      exchanges: [fetchExchange],
      fetch: watched,
      preferGetMethod: false,
    });

    const shown = await showInUrql(client, personQuery);

    expect(types).toEqual(['multipart/mixed; boundary="-"']);
    expect(shown[0]?.data).toEqual(firstOfPerson);
    expect(shown.at(-1)).toEqual({ data: wholePerson, error: undefined });
  });

  it('shows an error in a fragment beside the rest', async () => {
    const { httpUrl } = await serveIncremental();
    const client = new Client({
      url: httpUrl,
      exchanges: [fetchExchange],
      preferGetMethod: false,
    });

    const shown = await showInUrql(client, '{ person { name ... @defer { fails slow } } }');

    expect(shown.at(-1)).toEqual({
      data: { person: { name: 'Luke', fails: null, slow: 's' } },
      error: '[GraphQL] Internal server error',
    });
  });
});

it('fetch has the first part before the last is known, and leaves nothing behind when it is aborted', async () => {
  const server = await serveIncremental();
  const leaving = new AbortController();
  const response = await fetch(server.httpUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: acceptParts },
    body: JSON.stringify({ query: '{ person { name ... @defer { never } } endless @stream }' }),
    signal: leaving.signal,
  });
  const reader = response.body?.getReader();
  let text = '';
  while (!text.includes('"items"')) {
    const { value } = (await reader?.read()) ?? {};
    text += new TextDecoder().decode(value);
  }
  leaving.abort();

  expect(text).toContain('"name":"Luke"');
  expect(response.headers.get('transfer-encoding')).toBe('chunked');
  await until(() => server.gauges().operations === 0, 'no operation');
  await until(() => server.app.returned === 1, 'an iterator that was returned');
});
