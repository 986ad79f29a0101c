import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { errorTable } from '../../src/errors.ts';
import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { connectInMemory } from '../support/memory-client.ts';
import { graphqlTransportWsServer } from './graphql-transport-ws-server.ts';
import { replay } from './replay-server.ts';
import type { Transcript, Transcripts } from './server-transcript.ts';
import { listTranscripts } from './server-transcript.ts';
import { subscriptionsTransportWsServer } from './subscriptions-transport-ws-server.ts';

interface Suite {
  readonly protocol: WebSocketProtocol;
  readonly transcripts: Transcripts;
}

const suites: readonly Suite[] = [
  {
    protocol: 'graphql-transport-ws',
    transcripts: graphqlTransportWsServer,
  },
  {
    protocol: 'subscriptions-transport-ws',
    transcripts: subscriptionsTransportWsServer,
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

describe.each(suites)('$protocol server on a virtual clock', (suite) => {
  it.each(listTranscripts(suite.transcripts))('%s', async (_title, transcript) => {
    const app = createFixtureApp();
    const clock = new VirtualClock();
    const server = createServer({ ...serve(app, suite, transcript), clock });
    const client = connectInMemory(server, clock, { protocol: suite.protocol });

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

it('LW-29 no message type outside the table is ever sent', async () => {
  const types = new Set<string>();
  for (const [, { steps }] of listTranscripts(subscriptionsTransportWsServer)) {
    for (const step of steps) {
      if ('server' in step) types.add(String(Reflect.get(step.server as object, 'type')));
      if ('serverInAnyOrder' in step)
        step.serverInAnyOrder.forEach((message) =>
          types.add(String(Reflect.get(message as object, 'type'))),
        );
    }
  }

  // the transcripts are complete conversations, so what they expect is all that the server sends
  expect(types).toEqual(
    new Set(['complete', 'connection_ack', 'connection_error', 'data', 'error', 'ka']),
  );
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
