import { describe, expect, it } from 'vitest';

import { capabilities } from './support/capabilities.ts';
import { apolloMultipart, apolloWebSocket } from './support/clients/apollo.ts';
import { amplify, appsyncLink } from './support/clients/appsync.ts';
import { eventSource } from './support/clients/event-source.ts';
import { executorGraphqlWs, executorHttp, executorLegacyWs } from './support/clients/executors.ts';
import { graphqlSseDistinct, graphqlSseSingle } from './support/clients/graphql-sse.ts';
import { graphqlWs } from './support/clients/graphql-ws.ts';
import { relayMultipart, relaySse } from './support/clients/relay.ts';
import { subscriptionsTransportWs } from './support/clients/subscriptions-transport-ws.ts';
import { urqlFetch, urqlWebSocket } from './support/clients/urql.ts';
import { serveFixture } from '../support/fixture-server.ts';
import { Matrix, expectedOf, nameOf } from './support/matrix.ts';

const clients = [
  graphqlWs,
  subscriptionsTransportWs,
  graphqlSseDistinct,
  graphqlSseSingle,
  eventSource,
  apolloMultipart,
  apolloWebSocket,
  urqlFetch,
  urqlWebSocket,
  relaySse,
  relayMultipart,
  executorHttp,
  executorGraphqlWs,
  executorLegacyWs,
  appsyncLink,
  amplify,
];

const matrix = new Matrix(clients, capabilities);

describe.each(clients.map((client) => ({ client, name: nameOf(client) })))(
  '$name over $client.transport',
  ({ client }) => {
    it.each(capabilities)('$says', async (capability) => {
      const server = await serveFixture(capability.serverOptions);
      const { observe = capability.observe } = client.peculiarities?.[capability.column] ?? {};
      const trial = { server, client: client.connect(server), resumes: client.resumes };

      const observed = await observe(trial);

      const expected = expectedOf(client, capability).map((expectation) => expectation.observed);
      expect(expected).toContainEqual(observed);
      matrix.record(client, capability, observed);
    });
  },
);

it('prints what the clients showed to docs/interop.md', async () => {
  await expect(matrix.render()).toMatchFileSnapshot('../../docs/interop.md');
});
