import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { Inbox } from '../support/waiting.ts';
import { consume } from '../support/watched-client.ts';
import { forbiddenToken } from './programs/graphql-ws-app.ts';
import { commands, startProgram } from './support/program.ts';
import type { Program } from './support/program.ts';
import { urlIn } from './support/runtime.ts';

/** Our client is the one for Node; the server is a program that each runtime runs. */
const places = [
  {
    name: 'Bun',
    program: 'graphql-ws-bun',
    command: commands.bun,
    // nothing there closes the connection; the process ends
    onSyntaxError: { code: 'CONNECTION_LOST', closeCode: 1006 },
  },
  {
    name: 'Deno',
    program: 'graphql-ws-deno',
    command: commands.deno,
    onSyntaxError: { code: 'CONNECTION_REFUSED', closeCode: 4500 },
  },
] as const;

async function start({ program, command }: (typeof places)[number]): Promise<Program> {
  const running = await startProgram(`programs/${program}.ts`, command);
  let ended: Promise<void> | undefined;
  return { line: running.line, end: () => (ended ??= running.end()) };
}

/** A client that ends with the test. */
function connectTo({ line }: Program, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: urlIn(line),
    transport: websocket(),
    retry: { minDelayMs: 2, maxDelayMs: 50 },
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** Resolves once exactly `count` sources are open. */
function sources(client: Client, count: number): Promise<void> {
  return vi.waitFor(async () =>
    expect(await client.query({ query: '{ openSources }' })).toEqual({
      data: { openSources: count },
    }),
  );
}

function inRoom(room: string): { readonly query: string } {
  return { query: `subscription { message(room: "${room}") }` };
}

function post(client: Client, room: string, text: string): Promise<unknown> {
  return client.mutate({
    query: 'mutation ($room: ID!, $text: String!) { post(room: $room, text: $text) }',
    variables: { room, text },
  });
}

describe.each(places)('graphql-ws on $name', (place) => {
  let running: Program | undefined;
  beforeAll(async () => {
    running = await start(place);
  });
  afterAll(() => running?.end());

  const connect = (options?: Partial<ClientOptions>): Client => {
    if (!running) throw new Error('the runtime has not started');
    return connectTo(running, options);
  };
  /** One that a test may end. */
  const startAnother = async (): Promise<Program> => {
    const another = await start(place);
    onTestFinished(() => another.end());
    return another;
  };

  it('answers queries, with their errors', async () => {
    const client = connect({ connectionParams: { token: 'key' } });
    const query = 'query ($text: String!) { echo(text: $text) whoAmI fails }';

    expect(await client.query({ query, variables: { text: 'Straße 🚰' } })).toEqual({
      data: { echo: 'Straße 🚰', whoAmI: 'key', fails: null },
      errors: [expect.objectContaining({ message: 'lookup failed', path: ['fails'] })],
    });
  });

  it('gives the events of a subscription, and its end', async () => {
    const client = connect();
    const countdown = consume(client.subscribe({ query: 'subscription { countdown(from: 3) }' }));
    const flaky = consume(client.subscribe({ query: 'subscription { flaky }' }));

    expect(await countdown.ended()).toBe('complete');
    expect(countdown.rest).toEqual([3, 2, 1].map((n) => ({ data: { countdown: n } })));
    expect(await flaky.ended()).toBe('complete');
    expect(flaky.rest).toEqual([
      { data: { flaky: 1 } },
      { data: { flaky: null }, errors: [expect.objectContaining({ message: 'flaky' })] },
      { data: { flaky: 3 } },
    ]);
    await sources(client, 0);
  });

  it('delivers what is said while subscriptions run, until one is left', async () => {
    const client = connect();
    const left = consume(client.subscribe(inRoom('a')));
    const kept = consume(client.subscribe(inRoom('b')));
    await sources(client, 2);
    await post(client, 'b', 'for b');
    await post(client, 'a', 'for a');
    expect(await left.next()).toEqual({ data: { message: 'for a' } });
    expect(await kept.next()).toEqual({ data: { message: 'for b' } });

    left.stop();
    await sources(client, 1);
    await post(client, 'a', 'to nobody');
    await post(client, 'b', 'still here');
    expect(await kept.next()).toEqual({ data: { message: 'still here' } });
    expect(left.rest).toEqual([]);
  });

  it('gives request errors as a result, and goes on', async () => {
    const client = connect();
    const kept = consume(client.subscribe(inRoom('c')));
    await sources(client, 1);

    expect(await client.query({ query: '{ nope }' })).toEqual({
      errors: [expect.objectContaining({ message: 'Cannot query field "nope" on type "Query".' })],
    });
    await post(client, 'c', 'still here');
    expect(await kept.next()).toEqual({ data: { message: 'still here' } });
  });

  it('refuses a connection by its close code', async () => {
    const client = connect({ connectionParams: { token: forbiddenToken } });

    await expect(client.query({ query: '{ openSources }' })).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      closeCode: 4403,
    });
  });

  it('has its subscriptions back after it closed their connection', async () => {
    const losses = new Inbox<number | undefined>('a loss');
    const client = connect({ onDisconnected: ({ closeCode }) => losses.push(closeCode) });
    const steering = connect({ retry: false });
    const consumer = consume(client.subscribe(inRoom('d')));
    await sources(client, 1);
    // the answer goes with the connection
    await steering.mutate({ query: 'mutation { closeSockets(code: 4900) }' }).catch(() => {});

    expect(await losses.next()).toBe(4900);
    await sources(client, 1);
    await post(client, 'd', 'back');
    expect(await consumer.next()).toEqual({ data: { message: 'back' } });
  });

  it('is left without a trace when the client closes', async () => {
    const client = connect();
    consume(client.subscribe(inRoom('e')));
    const other = connect();
    await sources(other, 1);
    client.close();

    await sources(other, 0);
    expect(await other.query({ query: '{ whoAmI }' })).toEqual({ data: { whoAmI: null } });
  });

  it('ends a subscription whose source fails with an error', async () => {
    const consumer = consume(connect().subscribe({ query: 'subscription { breaks }' }));

    expect(await consumer.ended()).toBe('complete');
    expect(consumer.rest).toEqual([
      { data: { breaks: 1 } },
      { errors: [expect.objectContaining({ message: 'secret cause' })] },
    ]);
  });

  it('ends the connection where a text is no document', async () => {
    const client = connectTo(await startAnother(), { retry: false });

    await expect(client.query({ query: '{' })).rejects.toMatchObject(place.onSyntaxError);
  });

  it('is missed when it is killed', async () => {
    const doomed = await startAnother();
    const client = connectTo(doomed, { retry: false });
    const consumer = consume(client.subscribe(inRoom('f')));
    await sources(client, 1);
    await doomed.end();

    expect(await consumer.failed()).toMatchObject({ code: 'CONNECTION_LOST', closeCode: 1006 });
  });
});

it('graphql-ws on Deno, as its documentation has it, finds no subprotocol and closes every connection', async () => {
  const running = await start(places[1]);
  onTestFinished(() => running.end());
  const url = `${urlIn(running.line)}/as-documented`;

  await expect(
    connectTo(running, { url }).query({ query: '{ openSources }' }),
  ).rejects.toMatchObject({ code: 'CONNECTION_REFUSED', closeCode: 4406 });
});
