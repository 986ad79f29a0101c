import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { Conversation } from '../support/conversation.ts';
import { converse, messagesOf } from '../support/conversation.ts';
import type { MemoryClient } from '../support/memory-client.ts';

const roomQuery = 'subscription ($room: ID!) { message(room: $room) { text } }';
const never = 'subscription { never }';

interface Ready extends Conversation {
  readonly client: MemoryClient;
}

/** A client that was acknowledged and has read its first `ka`. */
async function connectReady(options: Partial<ServerOptions> = {}): Promise<Ready> {
  const conversation = converse(options);
  const client = await conversation.ready({ protocol: 'appsync' });
  expect(await client.next()).toEqual({ kind: 'message', message: { type: 'ka' } });
  return { ...conversation, client };
}

function start(
  client: MemoryClient,
  id: string,
  request: { readonly query: string; readonly variables?: object; readonly extensions?: object },
  extensions: object = {},
): void {
  const payload = {
    data: JSON.stringify(request),
    extensions: { authorization: { host: 'h' }, ...extensions },
  };
  client.send(JSON.stringify({ id, type: 'start', payload }));
}

function listen(client: MemoryClient, id: string, extensions: object = {}): void {
  start(client, id, { query: roomQuery, variables: { room: 'a' } }, extensions);
}

/** What an error message says in the members that clients look at. */
async function failures(client: MemoryClient): Promise<readonly unknown[]> {
  const messages = (await messagesOf(client)) as readonly {
    readonly id?: string;
    readonly type: string;
    readonly payload: { readonly errors: readonly Record<string, unknown>[] };
  }[]; // of our server
  return messages
    .filter(({ type }) => type === 'error')
    .map(({ id, payload }) => [
      id,
      payload.errors[0]?.['errorType'],
      payload.errors[0]?.['errorCode'],
    ]);
}

describe('limits over AppSync', () => {
  it('of operations are answered with the word that clients know', async () => {
    const { client } = await connectReady({ limits: { operationsPerConnection: 1 } });

    start(client, '1', { query: never });
    start(client, '2', { query: never });

    expect(await failures(client)).toEqual([['2', 'MaxSubscriptionsReachedError', 429]]);
  });

  it('of their rate, too', async () => {
    const { client } = await connectReady({ limits: { subscribeBurst: 1 } });

    start(client, '1', { query: never });
    start(client, '2', { query: never });

    expect(await failures(client)).toEqual([['2', 'LimitExceededError', 429]]);
  });

  it('of ids have a code of ours, and the id comes back', async () => {
    const { client } = await connectReady({ limits: { operationIdBytes: 4 } });

    start(client, 'longer', { query: never });

    expect(await failures(client)).toEqual([['longer', 'OPERATION_ID_TOO_LONG', 400]]);
  });

  it('of connections of one principal are a connection_error that clients try again after', async () => {
    const { connect, ready } = converse({
      principal: () => 'ada',
      limits: { connectionsPerPrincipal: 1 },
    });
    await ready({ protocol: 'appsync' });

    const second = connect({ protocol: 'appsync' });
    second.send('{"type":"connection_init"}');

    expect(await messagesOf(second)).toEqual([
      {
        type: 'connection_error',
        payload: {
          errors: [
            {
              errorType: 'LimitExceededError',
              errorCode: 429,
              message: 'limits.connectionsPerPrincipal of 1 exceeded',
              extensions: { code: 'TOO_MANY_CONNECTIONS' },
            },
          ],
        },
      },
      { kind: 'close', code: 4429, reason: 'Too many connections' },
    ]);
  });

  it('of the time before the first message close with 4408', async () => {
    const { connect, clock } = converse();
    const client = connect({ protocol: 'appsync' });

    await clock.advance(5_050);

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4408 });
  });

  it('of messages that lead to nothing close with 4400', async () => {
    const { client } = await connectReady({ limits: { controlMessageBurst: 2 } });

    for (let count = 0; count < 3; count += 1) client.send('{"type":"pong"}');

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4400 });
  });

  it('of operations that wait for the connect hook are an error of those that are too many', async () => {
    const { connect } = converse({ onConnect: () => new Promise<undefined>(() => {}) });
    const client = connect({ protocol: 'appsync' });

    for (let id = 0; id <= 100; id += 1) start(client, String(id), { query: never });

    expect(await failures(client)).toEqual([['100', 'MaxSubscriptionsReachedError', 429]]);
  });

  it('close who reads too slowly with 1013', async () => {
    const { client, app } = await connectReady({ limits: { outboxHighWaterBytes: 1_000 } });
    listen(client, '1');
    expect(await client.next()).toMatchObject({ message: { type: 'start_ack' } });

    client.bufferedBytes = 2_000;
    await app.publish('a', 'x');

    expect(await client.next()).toMatchObject({ kind: 'close', code: 1013 });
  });
});

describe('liveness over AppSync', () => {
  it('a silent peer is pinged, and closed with 4408, whatever it was sent', async () => {
    const { client, clock, server } = await connectReady({
      keepAlive: { keepAliveMs: Number.POSITIVE_INFINITY },
    });

    await clock.advance(12_050);
    expect(await client.next()).toEqual({ kind: 'ping' });
    await clock.advance(12_050);

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4408 });
    expect(server.gauges()).toMatchObject({ connections: 0, deadlines: 0 });
  });
});

describe('ids over AppSync', () => {
  it.each(['__proto__', 'constructor', 'ключ "1"\n'])('may be %j', async (id) => {
    const { client, app } = await connectReady();

    listen(client, id);
    expect(await client.next()).toEqual({ kind: 'message', message: { id, type: 'start_ack' } });
    await app.publish('a', 'x');

    expect(await client.next()).toMatchObject({ message: { id, type: 'data' } });
  });

  it('of an operation whose source ends at once are free again', async () => {
    const { client } = await connectReady();

    for (let round = 0; round < 2; round += 1) {
      start(client, '1', { query: 'subscription { countdown(from: 0) }' });
      expect(await client.next()).toMatchObject({ message: { type: 'start_ack' } });
      expect(await client.next()).toEqual({
        kind: 'message',
        message: { id: '1', type: 'complete' },
      });
    }
  });
});

function readResume(observation: unknown): { readonly token: string } {
  const { message } = observation as {
    message: { payload: { extensions: { resume: { token: string } } } };
  };
  return message.payload.extensions.resume; // compared before
}

describe('coming back over AppSync', () => {
  it.each([
    ['beside the authorization', (resume: object) => [{}, { resume }]],
    ['in the text of data', (resume: object) => [{ extensions: { resume } }, {}]],
  ] as const)('a client that asks %s goes on where it stopped', async (_where, ask) => {
    const { client, app, connect } = await connectReady();
    const subscribe = (to: MemoryClient, resume: object): void => {
      const [more, extensions] = ask(resume);
      start(to, '1', { query: roomQuery, variables: { room: 'a' }, ...more }, { ...extensions });
    };
    subscribe(client, {});
    expect(await client.next()).toMatchObject({ message: { type: 'start_ack' } });
    const first = await client.next();
    expect(first).toMatchObject({
      message: { type: 'data', payload: { extensions: { resume: { token: expect.any(String) } } } },
    });
    const { token } = readResume(first);
    client.vanish();
    await app.publish('a', 'missed');

    const again = connect({ protocol: 'appsync' });
    again.send('{"type":"connection_init"}');
    subscribe(again, { token });

    const [, , acknowledged, report, missed] = await messagesOf(again);
    expect(acknowledged).toEqual({ id: '1', type: 'start_ack' });
    expect(report).toMatchObject({ payload: { extensions: { resume: { recovered: true } } } });
    expect(missed).toMatchObject({ payload: { data: { message: { text: 'missed' } } } });
  });
});

it('errors that JSON cannot hold end their operation by their messages alone', async () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const { client } = await connectReady({
    onError: () => [{ message: 'round', extensions: cyclic }],
  });

  start(client, '1', { query: 'subscription { refuses }' });

  expect(await messagesOf(client)).toEqual([
    {
      id: '1',
      type: 'error',
      payload: { errors: [{ errorType: 'BadRequestException', message: 'round' }] },
    },
  ]);
});

it('an acknowledgement that JSON cannot hold is our failure, also for who did not ask for one', async () => {
  const { connect, hidden } = converse({ onConnect: () => ({ ackPayload: { big: 1n } }) });
  const asking = connect({ protocol: 'appsync' });
  const silent = connect({ protocol: 'appsync' });

  asking.send('{"type":"connection_init"}');
  listen(silent, '1');

  for (const client of [asking, silent]) {
    expect(await client.next()).toMatchObject({
      message: { type: 'connection_error', payload: { errors: [{ errorCode: 500 }] } },
    });
    expect(await client.next()).toMatchObject({ kind: 'close', code: 4500 });
  }
  expect(hidden).toHaveLength(2);
});
