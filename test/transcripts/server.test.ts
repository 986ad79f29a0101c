import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { errorTable } from '../../src/errors.ts';
import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { MemoryClientOptions } from '../support/memory-client.ts';
import { connectInMemory } from '../support/memory-client.ts';
import { appsyncServer } from './appsync-server.ts';
import { graphqlTransportWsServer } from './graphql-transport-ws-server.ts';
import { replay } from './replay-server.ts';
import type { Transcript, Transcripts } from './server-transcript.ts';
import { listTranscripts } from './server-transcript.ts';
import { subscriptionsTransportWsServer } from './subscriptions-transport-ws-server.ts';

interface Suite {
  readonly protocol: WebSocketProtocol;
  readonly token: string;
  readonly transcripts: Transcripts;
}

const suites: readonly Suite[] = [
  {
    protocol: 'graphql-transport-ws',
    token: 'graphql-transport-ws',
    transcripts: graphqlTransportWsServer,
  },
  {
    protocol: 'subscriptions-transport-ws',
    token: 'graphql-ws',
    transcripts: subscriptionsTransportWsServer,
  },
  {
    protocol: 'appsync',
    token: 'graphql-ws',
    transcripts: appsyncServer,
  },
];

const quietly = { onInternalError: () => {} };

function serve(app: FixtureApp, { protocol }: Suite, transcript: Transcript) {
  return {
    ...quietly,
    ...transcript.options,
    schema: app.schema,
    broker: app.broker,
    protocols: [protocol],
  };
}

function toOptions(
  { protocol, token }: Suite,
  { handshake = {} }: Transcript,
): MemoryClientOptions {
  const { query = '', alsoOffered = [], headers = {} } = handshake;
  const offered = { 'sec-websocket-protocol': [token, ...alsoOffered].join(', ') };
  return { protocol, url: `/graphql${query}`, headers: { ...headers, ...offered } };
}

describe.each(suites)('$protocol server on a virtual clock', (suite) => {
  it.each(listTranscripts(suite.transcripts))('%s', async (_title, transcript) => {
    const app = createFixtureApp();
    const clock = new VirtualClock();
    const server = createServer({ ...serve(app, suite, transcript), clock });
    const client = connectInMemory(server, clock, toOptions(suite, transcript));

    await replay(transcript, client, app);

    client.vanish();
    await clock.settle();
    expect({ ...server.gauges(), timers: clock.timerCount }).toEqual({
      connections: 0,
      operations: 0,
      deadlines: 0,
      readers: 0,
      timers: 0,
    });
  });
});

/** The types of all messages that `transcripts` expect: they are complete conversations, so that is all that the server sends. */
function typesIn(transcripts: Transcripts): ReadonlySet<string> {
  const types = new Set<string>();
  for (const [, { steps }] of listTranscripts(transcripts)) {
    for (const step of steps) {
      if ('server' in step) types.add(String(Reflect.get(step.server as object, 'type')));
      if ('serverInAnyOrder' in step)
        step.serverInAnyOrder.forEach((message) =>
          types.add(String(Reflect.get(message as object, 'type'))),
        );
    }
  }
  return types;
}

it('LW-29 no message type outside the table is ever sent', () => {
  expect(typesIn(subscriptionsTransportWsServer)).toEqual(
    new Set(['complete', 'connection_ack', 'connection_error', 'data', 'error', 'ka']),
  );
});

it('AS-23 no message type outside the table is ever sent', () => {
  const known = ['complete', 'connection_ack', 'connection_error', 'data', 'error', 'ka'];
  expect(typesIn(appsyncServer)).toEqual(new Set([...known, 'start_ack']));
});

it('the table of errors names every close code that the transcripts expect', () => {
  const known = new Set<number>(
    Object.values(errorTable).map((entry) => ('closeCode' in entry ? entry.closeCode : 0)),
  );
  const expected = suites
    .flatMap(({ transcripts }) => listTranscripts(transcripts))
    .flatMap(([, { steps }]) => steps.flatMap((step) => ('close' in step ? [step.close] : [])));
  expect(expected.filter((code) => !known.has(code))).toEqual([]);
});
