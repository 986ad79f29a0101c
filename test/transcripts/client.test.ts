import { describe, expect, it } from 'vitest';

import { createAppsyncClient } from '../../src/protocol/appsync/client-connection.ts';
import { createGraphqlTransportWsClient } from '../../src/protocol/graphql-transport-ws/client-connection.ts';
import { createSubscriptionsTransportWsClient } from '../../src/protocol/subscriptions-transport-ws/client-connection.ts';
import { appsyncClientTranscripts } from './appsync-client.ts';
import { listTranscripts } from './client-transcript.ts';
import { graphqlTransportWsClient } from './graphql-transport-ws-client.ts';
import { replay } from './replay-client.ts';
import { subscriptionsTransportWsClient } from './subscriptions-transport-ws-client.ts';

describe('graphql-transport-ws client', () => {
  it.each(listTranscripts(graphqlTransportWsClient))('%s', (_title, transcript) => {
    const connection = createGraphqlTransportWsClient(transcript.options);

    replay(transcript, connection);

    expect(connection.closed(1006, '').every((output) => output.kind === 'lost')).toBe(true);
  });
});

describe('subscriptions-transport-ws client', () => {
  it.each(listTranscripts(subscriptionsTransportWsClient))('%s', (_title, transcript) => {
    const connection = createSubscriptionsTransportWsClient(transcript.options);

    replay(transcript, connection);

    expect(connection.closed(1006, '').every((output) => output.kind === 'lost')).toBe(true);
  });
});

describe('appsync client', () => {
  it.each(listTranscripts(appsyncClientTranscripts))('%s', (_title, transcript) => {
    const connection = createAppsyncClient(transcript.options);

    replay(transcript, connection);

    expect(connection.closed(1006, '').every((output) => output.kind === 'lost')).toBe(true);
  });
});
