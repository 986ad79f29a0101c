import { parse, print } from 'graphql';
import type {
  Client,
  ClientOptions,
  HeldConnection,
  OperationHandle,
  OperationResult,
  OperationState,
  Readiness,
  Transport,
} from 'millrace/client';
import { createClient } from 'millrace/client';
import { graphqlTransportWs, websocket } from 'millrace/client/websocket';
import { describe, expect, expectTypeOf, it } from 'vitest';

interface Message {
  readonly messageAdded: { readonly text: string };
}

/** What code generators make: `TypedDocumentNode` has these members, and more. */
type Typed<Data, Variables> = {
  readonly kind: 'Document';
  readonly definitions: readonly unknown[];
} & { __apiType?: (variables: Variables) => Data };

/** Documents as text with types, as code generators write them without `graphql-tag`. */
interface TypedText<Data, Variables> {
  toString(): string;
  __apiType?: (variables: Variables) => Data;
}

type Room = Readonly<Record<'room', string>>;

const document = { kind: 'Document', definitions: [] } as const;
const inRoom: Typed<Message, Room> = document;
const perhapsInRoom: Typed<Message, { readonly room?: string | null }> = document;
const everywhere: Typed<Message, Record<string, never>> = document;
const exactly: Typed<Message, { readonly [name: string]: never }> = document;
const text: TypedText<Message, Room> = 'subscription { messageAdded(room: "r") { text } }';
const variables = { room: 'r' };

const client: Client = createClient({
  url: '/graphql',
  transport: websocket(),
  print: () => 'subscription { messageAdded { text } }',
});

/** Compiled and never called: each `@ts-expect-error` is the assertion. */
export function wrongCallsDoNotCompile(): void {
  // @ts-expect-error -- a variable is required
  client.subscribe({ query: inRoom });
  // @ts-expect-error -- a variable is missing
  client.subscribe({ query: inRoom, variables: {} });
  // @ts-expect-error -- a variable has another type
  client.subscribe({ query: inRoom, variables: { room: 1 } });
  // @ts-expect-error -- no such variable
  client.subscribe({ query: inRoom, variables: { room: 'r', user: 'u' } });
  // @ts-expect-error -- a variable has another type
  client.subscribe({ query: perhapsInRoom, variables: { room: 1 } });
  // @ts-expect-error -- there are no variables
  client.subscribe({ query: everywhere, variables: { room: 'r' } });
  // @ts-expect-error -- a variable is required
  void client.query({ query: inRoom });
  // @ts-expect-error -- a variable is required
  void client.mutate({ query: inRoom });
  // @ts-expect-error -- a variable is required
  client.subscribe({ query: text });
  // @ts-expect-error -- variables have names
  client.subscribe({ query: '{ a }', variables: ['r'] });
  // @ts-expect-error -- no document
  client.subscribe({ variables });
  // @ts-expect-error -- a misspelt option
  client.subscribe({ query: '{ a }', variable: {} });
  // @ts-expect-error -- no such policy
  client.subscribe({ query: '{ a }', buffer: { whenFull: 'drop' } });
  // @ts-expect-error -- no such member
  client.subscribe({ query: inRoom, variables }).subscribe(({ data }) => data?.other);
  // @ts-expect-error -- a client needs a transport
  createClient({ url: '/graphql' });
  // @ts-expect-error -- two transports have names
  createClient({ url: '/graphql', transport: { subscriptions: websocket() } });
  // @ts-expect-error -- a protocol is an object, not its name
  websocket({ protocol: 'graphql-transport-ws' });
}

describe('the types of an operation', () => {
  it('are those of its document', () => {
    const asked = [
      () => client.subscribe({ query: inRoom, variables }),
      () => client.subscribe({ query: text, variables }),
    ];
    expectTypeOf(asked).items.returns.toEqualTypeOf<OperationHandle<OperationResult<Message>>>();
    expectTypeOf(() => client.query({ query: inRoom, variables })).returns.resolves.toEqualTypeOf<
      OperationResult<Message>
    >();
    expectTypeOf(() => client.mutate({ query: inRoom, variables })).returns.resolves.toEqualTypeOf<
      OperationResult<Message>
    >();
    expect(asked).toHaveLength(2);
  });

  it('ask for variables exactly where some are required', () => {
    const handles = [
      client.subscribe({ query: perhapsInRoom }),
      client.subscribe({ query: perhapsInRoom, variables: {} }),
      client.subscribe({ query: perhapsInRoom, variables }),
      client.subscribe({ query: perhapsInRoom, variables: { room: null } }),
      client.subscribe({ query: everywhere }),
      client.subscribe({ query: everywhere, variables: {} }),
      client.subscribe({ query: exactly }),
    ];
    expectTypeOf(handles).items.toEqualTypeOf<OperationHandle<OperationResult<Message>>>();
    expect(handles.map(({ status }) => status.current)).toEqual(handles.map(() => 'idle'));
  });

  it('are open for plain text', () => {
    const handle = client.subscribe({ query: '{ a }', variables: { a: 1, b: { c: [null] } } });
    expectTypeOf(handle).toEqualTypeOf<OperationHandle<OperationResult>>();
    expectTypeOf<OperationResult['data']>().toEqualTypeOf<
      Readonly<Record<string, unknown>> | null | undefined
    >();
    expect(client.subscribe({ query: '{ a }' }).status.current).toBe('idle');
  });

  it('are open for documents of graphql, which its `print` writes', () => {
    const printing = createClient({ url: '/graphql', transport: websocket(), print });
    const handle = printing.subscribe({ query: parse('{ a }'), variables });
    expectTypeOf(handle).toEqualTypeOf<OperationHandle<OperationResult>>();
    expect(handle.status.current).toBe('idle');
  });

  it('may be said instead of inferred', () => {
    const handle = client.subscribe<Message>({ query: '{ a }' });
    expectTypeOf(handle).toEqualTypeOf<OperationHandle<OperationResult<Message>>>();
    const strict = (): unknown =>
      // @ts-expect-error -- the variables that were said are required
      client.subscribe<Message, { readonly room: string }>({ query: '{ a }' });
    expect(strict).toBeTypeOf('function');
  });

  it('go through iterators, observers and what else a handle has', () => {
    const handle = client.subscribe({ query: inRoom, variables });
    expectTypeOf(handle[Symbol.asyncIterator]()).toEqualTypeOf<
      AsyncIterableIterator<OperationResult<Message>>
    >();
    expectTypeOf<OperationHandle<number>['ready']>().toEqualTypeOf<Promise<Readiness>>();
    expectTypeOf(handle.status).toExtend<AsyncIterable<OperationState>>();
    expectTypeOf<Parameters<Parameters<typeof observe>[0]>>().toEqualTypeOf<
      [OperationResult<Message>]
    >();
    function observe(next: (result: OperationResult<Message>) => void): void {
      handle.subscribe({ next });
      handle.return();
    }
    expect(handle.status.current).toBe('idle');
  });

  it('are the same on a held connection', () => {
    expectTypeOf<HeldConnection['subscribe']>().toEqualTypeOf<Client['subscribe']>();
    expectTypeOf<HeldConnection['query']>().toEqualTypeOf<Client['query']>();
    expectTypeOf<Client['connect']>().returns.resolves.toEqualTypeOf<HeldConnection>();
    expectTypeOf<HeldConnection>().toExtend<AsyncDisposable>();
    expect(client).toHaveProperty('connect');
  });
});

describe('the types of a client', () => {
  it('take everything as a value or as a function that may be asynchronous', () => {
    const options = [
      { url: '/graphql' },
      { url: new URL('http://a.test') },
      { url: () => '/graphql' },
      { url: async () => new URL('http://a.test') },
      { url: '/', connectionParams: { token: 't' } },
      { url: '/', connectionParams: () => ({ token: 't' }) },
      { url: '/', connectionParams: async () => undefined },
    ] satisfies Omit<ClientOptions, 'transport'>[];
    expect(options.map((each) => createClient({ transport: websocket(), ...each }))).toHaveLength(
      options.length,
    );
  });

  it('take one transport, or one for each way', () => {
    expectTypeOf(websocket).returns.toEqualTypeOf<Transport>();
    expectTypeOf<{ queries: Transport; subscriptions: Transport }>().toExtend<
      ClientOptions['transport']
    >();
    expect(websocket({ protocol: graphqlTransportWs }).isShared).toBe(true);
  });
});
