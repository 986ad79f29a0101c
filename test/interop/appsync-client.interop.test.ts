import { createHash, createHmac } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

import { SignatureV4 } from '@smithy/signature-v4';
import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import type { AppsyncOptions } from 'millrace/client/appsync';
import { http } from 'millrace/client/http';
import { expect, it, onTestFinished } from 'vitest';

import { signedBy } from '../../examples/appsync/signed.ts';
import { serveFixture } from '../support/fixture-server.ts';
import { Inbox } from '../support/waiting.ts';
import { consume } from '../support/watched-client.ts';
import { startSimulator } from './servers/appsync-simulator.ts';
import type { RunningSimulator } from './servers/appsync-simulator.ts';
import { recordingWebSocket } from './support/recording-web-socket.ts';
import { isSigned, keys } from './support/signature.ts';
import type { Authorization } from './support/signature.ts';

interface Connected {
  readonly client: Client;
  /** What did not suit the client. */
  readonly violations: readonly string[];
  readonly losses: Inbox<unknown>;
}

/** A client of the simulator, which looks for the authorization of a connection in the URL alone. */
function connect(
  { url, apiKey }: RunningSimulator,
  options: Partial<AppsyncOptions> = {},
  clientOptions: Partial<ClientOptions> = {},
): Connected {
  const violations: string[] = [];
  const losses: Connected['losses'] = new Inbox('a lost connection');
  const authorization = { 'x-api-key': apiKey };
  const client = createClient({
    url,
    transport: {
      queries: http({ headers: authorization }),
      subscriptions: appsync({ authorization, variant: 'query', ...options }),
    },
    retry: { minDelayMs: 2, maxDelayMs: 50 },
    onProtocolViolation: (message) => violations.push(message),
    onDisconnected: losses.push,
    ...clientOptions,
  });
  onTestFinished(() => client.close());
  return { client, violations, losses };
}

const messages = { query: 'subscription { message { text } }' };
const said = (text: string) => ({ data: { message: { text } } });

async function post(client: Client, text: string): Promise<void> {
  const { errors } = await client.mutate({
    query: 'mutation ($text: String!) { post(text: $text) { text } }',
    variables: { text },
  });
  if (errors) throw new Error(`not posted: ${JSON.stringify(errors)}`);
}

it('AS-47 subscribes to the simulator of Amplify, which confirms it', async () => {
  const { client, violations } = connect(await startSimulator());
  const handles = [client.subscribe(messages), client.subscribe(messages)];
  const consumers = handles.map(consume);

  expect(await Promise.all(handles.map(({ ready }) => ready))).toEqual([
    { confirmed: true },
    { confirmed: true },
  ]);
  await post(client, 'one');
  await post(client, 'two');

  for (const consumer of consumers)
    expect([await consumer.next(), await consumer.next()]).toEqual([said('one'), said('two')]);
  expect(violations).toEqual([]);
});

it('AS-52 leaves a subscription of the simulator before and after it began, and the others go on', async () => {
  const frames: string[] = [];
  const completed = new Inbox<unknown>('the end of a subscription');
  const WebSocket = recordingWebSocket((frame) => {
    if ('sent' in frame) frames.push((JSON.parse(frame.sent) as { type: string }).type); // ours
    else if (frame.received.includes('"complete"')) completed.push(frame.received);
  });
  const { client, violations } = connect(await startSimulator(), { WebSocket });
  const staying = client.subscribe(messages);
  const consumer = consume(staying);
  await staying.ready;
  const begun = client.subscribe(messages);
  const leaving = consume(begun);
  await begun.ready;
  leaving.stop();
  await completed.next();
  const early = consume(client.subscribe(messages));
  await turn(); // it is sent by now, and not answered
  early.stop();
  await completed.next();

  await post(client, 'still here');

  expect(await consumer.next()).toEqual(said('still here'));
  expect(leaving.rest).toEqual([]);
  expect(early.rest).toEqual([]);
  expect(frames.filter((type) => type === 'stop')).toHaveLength(2);
  expect(violations).toEqual([]);
});

it('AS-49 hands on the errors of the simulator, and goes on', async () => {
  const { client } = connect(await startSimulator());
  const wrong = consume(client.subscribe({ query: 'subscription { message { nope } }' }));
  const { errors } = await wrong.next();

  expect(errors?.[0]?.message).toMatch(/nope/);
  const handle = client.subscribe(messages);
  consume(handle);
  expect(await handle.ready).toEqual({ confirmed: true });
});

it('AS-50 does not come back to a simulator that refuses its key', async () => {
  const simulator = await startSimulator();
  const { client, losses } = connect(simulator, { authorization: { 'x-api-key': 'stolen' } });

  const failure = await consume(client.subscribe(messages)).failed();

  expect(failure).toMatchObject({ code: 'CONNECTION_REFUSED', closeCode: 1002, retryable: false });
  expect(losses.rest).toHaveLength(1);
});

it('AS-45 shows the simulator the authorization of each subscription', async () => {
  const simulator = await startSimulator();
  const { client, losses } = connect(simulator, {
    authorization: ({ request }) => ({
      'x-api-key': request?.operationName === 'Refused' ? 'stolen' : simulator.apiKey,
    }),
    startAckTimeoutMs: 300,
  });
  const unanswered = onUnhandled();
  const allowed = client.subscribe(messages);
  consume(allowed);
  const query = 'subscription Refused { message { text } }';
  const refused = consume(client.subscribe({ query, operationName: 'Refused' }));

  expect(await allowed.ready).toEqual({ confirmed: true });
  // it says nothing to those whom it refuses
  expect(await refused.failed()).toMatchObject({ code: 'START_TIMEOUT', retryable: false });
  expect(unanswered()).toMatchObject([{ message: 'UnauthorizedException: Invalid API key' }]);
  expect(losses.rest).toEqual([]);
});

it('has its subscriptions back on one connection when the simulator was restarted', async () => {
  const simulator = await startSimulator();
  const { client, losses } = connect(simulator);
  const handle = client.subscribe(messages);
  const consumer = consume(handle);
  await handle.ready;

  await simulator.close();
  await losses.next();
  await startSimulator(simulator.port);
  for await (const state of handle.status) if (state === 'live') break;
  await post(client, 'back');

  expect(await consumer.next()).toEqual(said('back'));
  expect(consumer.rest).toEqual([]);
});

/** As the SDK of AWS wants it. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : // the SDK gives what Node takes, though the types of both disagree
          createHmac('sha256', secret as string);
  }

  update(part: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(part as string); // as above
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error('The SDK makes a new one each time.');
  }
}

it('AS-45 shows signatures of the AWS SDK that a server can verify, over the text that it gets', async () => {
  const seen: boolean[] = [];
  const { httpUrl } = await serveFixture({
    protocols: ['appsync'],
    onConnect({ connectionParams }) {
      const authorization = connectionParams['authorization'] as Authorization; // it sends texts
      seen.push(isSigned(authorization, '/graphql/connect', '{}'));
    },
    onSubscribe({ operation: { extensions } }) {
      const authorization = extensions?.['authorization'] as Authorization; // as above
      const data = String(extensions?.['data']);
      seen.push(isSigned(authorization, '/graphql', data));
      seen.push(isSigned(authorization, '/graphql', `${data} `));
    },
  });
  const signer = new SignatureV4({
    service: 'appsync',
    region: 'eu-west-1',
    credentials: keys,
    sha256: Sha256,
  });
  const client = createClient({
    url: httpUrl,
    transport: appsync({ authorization: signedBy(signer) }),
  });
  onTestFinished(() => client.close());
  const handle = client.subscribe({
    query: 'subscription ($room: ID!) { message(room: $room) { text } }',
    variables: { room: 'λ' },
  });
  consume(handle);

  expect(await handle.ready).toEqual({ confirmed: true });
  expect(seen).toEqual([true, true, false]);
});

/** The simulator handles no failure of its own; gives those that it had. */
function onUnhandled(): () => readonly unknown[] {
  const errors: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  const keep = (error: unknown): void => void errors.push(error);
  process.on('unhandledRejection', keep);
  onTestFinished(() => {
    process.off('unhandledRejection', keep);
    for (const other of others) process.on('unhandledRejection', other);
  });
  return () => errors;
}
