import { UsageError } from 'millrace';
import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { resumable } from 'millrace/client/resume';
import { uploads } from 'millrace/client/uploads';
import { websocket } from 'millrace/client/websocket';
import { createRelayNetwork } from 'millrace/links/relay';
import type { RelayNetworkOptions } from 'millrace/links/relay';
import { VirtualClock, manualSignals, mockServer } from 'millrace/testing';
import type { Mocks } from 'millrace/testing';
import relay from 'relay-runtime';
import type {
  Environment,
  FetchFunction,
  GraphQLTaggedNode,
  OperationType,
  UploadableMap,
  Variables,
} from 'relay-runtime';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { serveIncremental } from '../support/incremental-server.ts';
import { compileRelayDocuments } from '../support/relay-documents.ts';

const documents = compileRelayDocuments();

const one = { id: '1', text: 'one' };
const two = { id: '2', text: 'two' };

function stage(mocks: Mocks = {}, options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock();
  const server = mockServer(
    {
      items: [{ data: { items: [one] } }],
      addItem: ({ variables }) => [{ data: { addItem: { id: '2', text: variables?.['text'] } } }],
      itemAdded: [],
      ...mocks,
    },
    { clock },
  );
  const client = createClient({
    url: 'ws://mock.test/',
    transport: websocket({ WebSocket: server.WebSocket }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    ...options,
  });
  onTestFinished(() => client.close());
  return { clock, server, client };
}

function createEnvironment(client: Client, options?: RelayNetworkOptions): Environment {
  const network = createRelayNetwork(client, options);
  return new relay.Environment({
    network: relay.Network.create(network.fetch, network.subscribe),
    store: new relay.Store(new relay.RecordSource()),
  });
}

/** Compiled documents are what tags become. */
function toTag(document: unknown): GraphQLTaggedNode {
  return document as GraphQLTaggedNode;
}

function ask(environment: Environment, document: unknown, variables: Variables = {}) {
  return relay.fetchQuery<OperationType>(environment, toTag(document), variables).toPromise();
}

function listen(environment: Environment) {
  const heard: unknown[] = [];
  const { dispose } = relay.requestSubscription(environment, {
    subscription: toTag(documents.addedSubscription),
    variables: {},
    onNext: (response) => heard.push(response),
    onError: (error) => heard.push(error),
    onCompleted: () => heard.push('completed'),
  });
  return { heard, dispose };
}

describe('the network of Relay', () => {
  it('carries queries, mutations and subscriptions over one connection', async () => {
    const { client, clock, server } = stage();
    const environment = createEnvironment(client);
    const { heard, dispose } = listen(environment);

    expect(await ask(environment, documents.itemsQuery)).toEqual({ items: [one] });
    const added = new Promise((resolve, reject) => {
      relay.commitMutation(environment, {
        mutation: toTag(documents.addMutation),
        variables: { text: 'two' },
        onCompleted: resolve,
        onError: reject,
      });
    });
    expect(await added).toEqual({ addItem: two });
    server.push('itemAdded', { data: { itemAdded: two }, extensions: { some: 'thing' } });
    await clock.settle();

    expect(heard).toEqual([{ itemAdded: two }]);
    expect(environment.getStore().getSource().get('2')).toMatchObject({ text: 'two' });
    expect(server.connections).toHaveLength(1);
    expect(server.operations.map(({ request }) => request.operationName)).toEqual([
      'relayAddedSubscription',
      'relayItemsQuery',
      'relayAddMutation',
    ]);
    dispose();
    await clock.settle();
    expect(server.operations.some(({ isOpen }) => isOpen)).toBe(false);
  });

  it('completes with the subscription', async () => {
    const { client, clock, server } = stage();
    const { heard } = listen(createEnvironment(client));
    await clock.settle();

    server.complete('itemAdded');
    await clock.settle();

    expect(heard).toEqual(['completed']);
  });

  it('stops a query that nobody waits for any more', async () => {
    const items = () => {
      subscription.unsubscribe();
      return [];
    };
    const { client, clock, server } = stage({ items });
    const sent = vi.spyOn(server.WebSocket.prototype, 'send');
    const observer = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };

    const { fetch } = createRelayNetwork(client);
    const subscription = observe(fetch, documents.itemsQuery.params).subscribe(observer);
    await clock.settle();

    expect(sent.mock.lastCall?.[0]).toContain('"type":"complete"');
    expect(Object.values(observer).flatMap(({ mock }) => mock.calls)).toEqual([]);
  });

  it('leaves GraphQL errors to Relay: with data it takes them, without it fails', async () => {
    const errors = [{ message: 'not all' }];
    const inPart = createEnvironment(stage({ items: [{ data: { items: [one] }, errors }] }).client);
    const refused = createEnvironment(stage({ items: [{ errors }] }).client);
    const { client, clock } = stage({ itemAdded: [{ errors }] });
    const { heard } = listen(createEnvironment(client));
    await clock.settle();

    expect(await ask(inPart, documents.itemsQuery)).toEqual({ items: [one] });
    await expect(ask(refused, documents.itemsQuery)).rejects.toMatchObject({
      name: 'RelayNetwork',
      source: { errors },
    });
    expect(heard).toMatchObject([{ name: 'RelayNetwork', source: { errors } }]);
  });

  it('gives what the transport fails at to whoever asked', async () => {
    const { client, clock, server } = stage({}, { retry: false });
    const environment = createEnvironment(client);
    const { heard } = listen(environment);
    await clock.settle();

    server.connections[0]?.drop();
    await clock.settle();
    expect(heard).toMatchObject([{ name: 'TransportError', code: 'CONNECTION_LOST' }]);
    client.close();

    await expect(ask(environment, documents.itemsQuery)).rejects.toThrow(UsageError);
  });

  it('names a persisted operation, and what else `toRequest` says', async () => {
    const { client, clock } = stage();
    const subscribe = vi.spyOn(client, 'subscribe');
    const { text: _, ...params } = documents.addedSubscription.params;
    const persisted = {
      ...params,
      id: 'abc',
      text: null,
    } as typeof documents.addedSubscription.params;
    const cacheConfig = { force: true, metadata: { trace: 'on' } };

    const custom = createRelayNetwork(client, {
      toRequest: ({ id }, variables, { metadata }) => ({
        query: '',
        variables,
        extensions: { persistedQuery: { version: 1, sha256Hash: id }, ...metadata },
      }),
    });
    for (const network of [createRelayNetwork(client), custom]) {
      const subscription = observe(network.fetch, persisted, { a: 1 }, cacheConfig);
      subscription.subscribe({ error: () => {} });
    }
    await clock.settle();

    expect(subscribe.mock.calls).toMatchObject([
      [
        {
          query: '',
          operationName: 'relayAddedSubscription',
          variables: { a: 1 },
          extensions: { documentId: 'abc' },
        },
      ],
      [{ extensions: { persistedQuery: { version: 1, sha256Hash: 'abc' }, trace: 'on' } }],
    ]);
  });

  it('fails an operation that has neither a text nor an id', async () => {
    const params = { ...documents.itemsQuery.params, id: null, text: null, cacheID: '' };
    const { fetch } = createRelayNetwork(stage().client);

    const asked = observe(fetch, params).toPromise();

    await expect(asked).rejects.toThrow('`relayItemsQuery` has neither a text nor');
    await expect(asked).rejects.toThrow(UsageError);
  });
});

/** As Relay takes what `fetch` gives. */
function observe(
  fetch: FetchFunction,
  params: Parameters<FetchFunction>[0],
  variables: Variables = {},
  ...others: readonly [cacheConfig?: object, files?: UploadableMap]
) {
  const [cacheConfig = {}, files] = others;
  return relay.Observable.from(fetch(params, variables, cacheConfig, files));
}

describe('what the network tells of subscriptions', () => {
  const reports = { token: '1' };

  it.each([
    ['nothing', [], 1],
    ['that none is missing', [{ extensions: { resume: { ...reports, recovered: true } } }], 0],
    ['that some are', [{ extensions: { resume: { ...reports, recovered: false } } }], 1],
  ] as const)('is a gap after a lost connection if the server says %s', async (_, told, gaps) => {
    let isBack = false;
    const itemAdded = () => (isBack ? told : [{ extensions: { resume: reports } }]);
    const { client, clock, server } = stage({ itemAdded }, { resume: resumable() });
    const onGap = vi.fn();
    listen(createEnvironment(client, { onGap }));
    await clock.settle();
    expect(onGap).not.toHaveBeenCalled();

    isBack = true;
    server.connections[0]?.drop();
    await clock.advance(5_000);

    expect(onGap).toHaveBeenCalledTimes(gaps);
    if (gaps > 0) {
      const { params } = documents.addedSubscription;
      expect(onGap).toHaveBeenCalledWith({ request: params, variables: {} });
    }
  });

  it('is where each of them is', async () => {
    const { client, clock, server } = stage();
    const states: string[] = [];
    const { dispose } = listen(
      createEnvironment(client, {
        onState: (state, { request }) => states.push(`${request.name} ${state}`),
      }),
    );
    await clock.settle();
    server.connections[0]?.drop();
    await clock.advance(1_000);
    dispose();
    await clock.settle();

    expect(states).toEqual(
      ['connecting', 'live', 'reconnecting', 'live'].map(
        (state) => `relayAddedSubscription ${state}`,
      ),
    );
  });

  it('reports what such a function throws, and goes on', async () => {
    const { client, clock, server } = stage();
    const onInternalError = vi.fn();
    const { heard } = listen(createEnvironment(client, { onState: failing, onInternalError }));
    await clock.settle();

    server.push('itemAdded', { data: { itemAdded: two } });
    await clock.settle();

    expect(onInternalError).toHaveBeenCalledWith(new Error('of the caller'));
    expect(heard).toEqual([{ itemAdded: two }]);
  });
});

describe('uploadables', () => {
  const file = new Blob(['a']);

  it('are variables, by name or by the way to their place', async () => {
    const form = await send(
      { file: undefined, input: { files: [null, null] } },
      { file, 'input.files.1': file },
    );

    expect(JSON.parse(String(form.get('operations')))).toMatchObject({
      variables: { file: null, input: { files: [null, null] } },
    });
    expect(JSON.parse(String(form.get('map')))).toEqual({
      '0': ['variables.file', 'variables.input.files.1'],
    });
  });

  it.each(['other', 'other.a', 'text.0', 'none.a'])(
    'are an error where there is no such variable: %s',
    async (name) => {
      const sent = send({ input: {}, text: 'a', none: null }, { [name]: file });

      await expect(sent).rejects.toThrow(`no variable \`${name}\``);
    },
  );
});

describe('answers that come in parts', () => {
  const whole = {
    person: {
      name: 'Luke',
      slow: 's',
      films: [{ title: 'A' }, { title: 'B' }, { title: 'C' }],
    },
  };

  it.each(['incrementalSpec=v0.2', 'deferSpec=20220824'] as const)(
    'are handed on as Relay wants them, from %s',
    async (format) => {
      const { webSocketUrl } = await serveIncremental({ incrementalFormat: format });
      const environment = connect(webSocketUrl);

      expect(await readWhole(environment)).toEqual(whole);
    },
  );

  it('come over HTTP as well', async () => {
    const { httpUrl } = await serveIncremental();

    expect(await readWhole(connect(httpUrl, { transport: multipart() }))).toEqual(whole);
  });

  it('may be parts by themselves, as the oldest servers send them', async () => {
    const [slow, films] = ['relayPersonQuery$defer$slow', 'relayFilms_person$stream$films'];
    const { client } = stage({
      person: [
        { data: { person: { name: 'Luke', films: [] } }, hasNext: true },
        { label: slow, path: ['person'], data: { name: 'Luke', slow: 's' }, hasNext: true },
        { label: films, path: ['person', 'films', 0], data: { title: 'A' }, hasNext: true },
        { hasNext: false },
      ] as never,
    });

    expect(await readWhole(createEnvironment(client))).toEqual({
      person: { name: 'Luke', slow: 's', films: [{ title: 'A' }] },
    });
  });

  it('may be none: the whole is taken at once', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const { client } = stage({ person: [{ data: whole }] });

    expect(await readWhole(createEnvironment(client))).toEqual(whole);
    vi.restoreAllMocks();
  });

  it('fail the query with a fragment that fails', async () => {
    const { webSocketUrl } = await serveIncremental();

    await expect(readWhole(connect(webSocketUrl), documents.brokenQuery)).rejects.toMatchObject({
      name: 'RelayNetwork',
    });
  });
});

/** Where a record of the store has the ids of others. */
const refs = '__refs';

/** A record of the store with those that it refers to, without the names that the store gives them. */
function readRecord(records: object, id: string): Readonly<Record<string, unknown>> {
  const record = (records as Readonly<Record<string, object>>)[id] ?? {};
  const entries = Object.entries(record).filter(([name]) => !name.startsWith('__'));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const ids = (value as { readonly [refs]?: readonly string[] } | null)?.[refs];
      return [name, ids ? ids.map((each) => readRecord(records, each)) : value];
    }),
  );
}

function failing(): never {
  throw new Error('of the caller');
}

/** The form that a mutation with files is sent as. */
async function send(variables: Variables, files: UploadableMap): Promise<FormData> {
  let body: unknown;
  const client = createClient({
    url: 'http://mock.test/',
    transport: http({
      uploads: uploads(),
      fetch: async (_, init) => {
        body = init?.body;
        return Response.json({ data: {} });
      },
    }),
  });
  const { fetch } = createRelayNetwork(client);
  await observe(fetch, documents.addMutation.params, variables, {}, files).toPromise();
  return body as FormData; // which is what a form is sent as
}

function connect(url: string, options: Partial<ClientOptions> = {}): Environment {
  const client = createClient({ url, transport: websocket(), retry: false, ...options });
  onTestFinished(() => client.close());
  return createEnvironment(client);
}

/** What is in the store at the end. */
async function readWhole(
  environment: Environment,
  query = documents.personQuery,
): Promise<unknown> {
  const operation = relay.createOperationDescriptor(query, {});
  await new Promise<void>((resolve, reject) => {
    environment.execute({ operation }).subscribe({ complete: resolve, error: reject });
  });
  const records = environment.getStore().getSource().toJSON();
  return { person: readRecord(records, 'client:root:person') };
}
