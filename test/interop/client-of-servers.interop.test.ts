import { describe, expect, it } from 'vitest';

import { apolloServer } from './servers/apollo-server.ts';
import { capabilities } from './servers/capabilities.ts';
import { graphqlSse } from './servers/graphql-sse.ts';
import { graphqlSseSingle } from './servers/graphql-sse-single.ts';
import { graphqlWs } from './servers/graphql-ws.ts';
import { graphqlYoga, graphqlYogaWebSocket } from './servers/graphql-yoga.ts';
import { mercuriusHttp, mercuriusLegacy, mercuriusTransportWs } from './servers/mercurius.ts';
import { ServerMatrix, expectedOf, nameOf } from './servers/server-matrix.ts';
import { serveForeign } from './servers/server-under-test.ts';
import { subscriptionsTransportWs } from './servers/subscriptions-transport-ws.ts';

const servers = [
  graphqlWs,
  subscriptionsTransportWs,
  mercuriusTransportWs,
  mercuriusLegacy,
  mercuriusHttp,
  graphqlSse,
  graphqlSseSingle,
  graphqlYoga,
  graphqlYogaWebSocket,
  apolloServer,
];

const matrix = new ServerMatrix(servers, capabilities);

describe.each(servers.map((server) => ({ server, name: nameOf(server) })))(
  '$name over $server.over',
  ({ server }) => {
    it.each(capabilities)('$says', async (capability) => {
      const trial = await serveForeign(server);
      const { observe = capability.observe } = server.peculiarities?.[capability.column] ?? {};

      const observed = await observe(trial);

      const expected = expectedOf(server, capability).map((expectation) => expectation.observed);
      expect(expected).toContainEqual(observed);
      expect(trial.complaints).toEqual([]);
      matrix.record(server, capability, observed);
    });
  },
);

it('prints what the client saw to docs/interop-servers.md', async () => {
  await expect(matrix.render()).toMatchFileSnapshot('../../docs/interop-servers.md');
});
