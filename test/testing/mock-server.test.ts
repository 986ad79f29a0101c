import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, mockServer } from 'millrace/testing';
import type { MockServer, MockServerOptions, Mocks } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

const ticks = 'subscription Ticks { tick }';

function meet(
  mocks: Mocks,
  options: MockServerOptions = {},
): {
  readonly server: MockServer;
  readonly clock: VirtualClock;
  readonly client: Client;
  /** Starts an operation; what it brings, and `end` last. */
  readonly listen: (query: string) => Promise<readonly unknown[]>;
} {
  const clock = new VirtualClock();
  const server = mockServer(mocks, { clock, ...options });
  const client = createClient({
    url: 'ws://mock.test/graphql',
    transport: websocket({ WebSocket: server.WebSocket }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
  });
  return {
    server,
    clock,
    client,
    async listen(query) {
      const heard: unknown[] = [];
      client.subscribe({ query }).subscribe({
        next: (result) => heard.push(result),
        complete: () => heard.push('end'),
      });
      await clock.settle();
      return heard;
    },
  };
}

const tick = (count: number): { readonly data: { readonly tick: number } } => ({
  data: { tick: count },
});

describe('a mock server', () => {
  it('answers a subscription with all events of its list, and leaves it open', async () => {
    const { listen, server } = meet({ Ticks: [tick(1), tick(2)] });

    expect(await listen(ticks)).toEqual([tick(1), tick(2)]);
    expect(server.operations).toMatchObject([{ isOpen: true, kind: 'subscription' }]);
  });

  it('sends more events when the test says so, and the end', async () => {
    const { listen, server, clock } = meet({ Ticks: [] });
    const heard = await listen(ticks);

    server.push('Ticks', tick(1), tick(2));
    server.complete('Ticks');
    await clock.settle();

    expect(heard).toEqual([tick(1), tick(2), 'end']);
    expect(() => server.push('Ticks', tick(3))).toThrow('No operation Ticks is open.');
  });

  it('answers queries and mutations by functions of the request', async () => {
    const { client } = meet({
      Double: ({ variables }) => [{ data: { double: Number(variables?.['n']) * 2 } }],
    });
    const query = 'query Double($n: Int!) { double(n: $n) }';

    expect(await client.query({ query, variables: { n: 21 } })).toEqual({ data: { double: 42 } });
  });

  it('finds the operation that is asked for among several, or one without a name by its first field', async () => {
    const { client, listen } = meet({ A: [{ data: { a: 1 } }], tick: [tick(1)] });
    const query = 'query B { b } query A { a }';

    expect(await client.query({ query, operationName: 'A' })).toEqual({ data: { a: 1 } });
    expect(await listen('fragment F on Subscription { a } subscription { tick }')).toEqual([
      tick(1),
    ]);
  });

  it('ends an operation with a result that has errors and no data, as a server does', async () => {
    const errors = [{ message: 'No' }];
    const { listen } = meet({ Ticks: [{ data: null, errors }, { errors }, tick(3)] });

    expect(await listen(ticks)).toEqual([{ data: null, errors }, { errors }, 'end']);
  });

  it('fails an operation when the test says so', async () => {
    const { listen, server, clock } = meet({ Ticks: [tick(1)] });
    const heard = await listen(ticks);

    server.fail('Ticks', [{ message: 'No more' }]);
    await clock.settle();

    expect(heard).toEqual([tick(1), { errors: [{ message: 'No more' }] }, 'end']);
  });

  it.each([
    {
      query: 'subscription Tocks { tock }',
      message: 'Nothing is mocked for Tocks or tock, only for Ticks.',
    },
    { query: 'subscription {', message: expect.stringContaining('Syntax Error') },
    { query: 'fragment F on T { a }', message: 'The document has no such operation.' },
  ])('says what is wrong with $query', async ({ query, message }) => {
    const { listen } = meet({ Ticks: [] });

    expect(await listen(query)).toEqual([{ errors: [{ message }] }, 'end']);
  });

  it('sees what the client stops', async () => {
    const { client, server, clock } = meet({ Ticks: [] });
    const subscription = client.subscribe({ query: ticks }).subscribe({});
    await clock.settle();

    subscription.unsubscribe();
    await clock.settle();

    expect(server.operations).toMatchObject([{ isOpen: false, request: { query: ticks } }]);
  });

  it('can lose connections; the client asks again', async () => {
    const { listen, server, clock } = meet({ Ticks: [tick(1)] });
    const heard = await listen(ticks);

    server.connections[0]?.drop();
    await clock.advance(1_000);

    expect(heard).toEqual([tick(1), tick(1)]);
    expect(server.operations.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  it('answers pings and acknowledges with a payload', async () => {
    const acknowledged: unknown[] = [];
    const { server, clock } = meet({ Ticks: [] }, { ackPayload: { hello: 'you' } });
    const client = createClient({
      url: 'ws://mock.test/graphql',
      transport: websocket({ WebSocket: server.WebSocket, pingAfterMs: 1_000, silenceMs: 1_000 }),
      clock,
      signals: manualSignals().signals,
      onConnected: (payload) => acknowledged.push(payload),
    });
    client.subscribe({ query: ticks }).subscribe({});
    await clock.advance(5_000);

    expect(acknowledged).toEqual([{ hello: 'you' }]);
    expect(server.connections).toHaveLength(1);
  });

  it('refuses clients of other protocols, and messages that are none', async () => {
    const { server, clock } = meet({});
    const failures: unknown[] = [];
    const client = createClient({
      url: 'ws://mock.test/graphql',
      transport: websocket({ WebSocket: server.WebSocket, protocol: subscriptionsTransportWs }),
      retry: false,
      clock,
      signals: manualSignals().signals,
    });
    client.subscribe({ query: ticks }).subscribe({ error: (failure) => failures.push(failure) });
    const socket = new server.WebSocket('ws://mock.test/', 'graphql-transport-ws');
    Object.assign(socket, {
      onopen: () => socket.send('hello?'),
      onclose: ({ code }: { readonly code: number }) => failures.push(code),
    });
    await clock.settle();

    expect(failures).toContainEqual(expect.objectContaining({ name: 'TransportError' }));
    expect(failures).toContain(4400);
  });
});
