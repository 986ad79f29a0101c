import { createClient } from 'millrace/client';
import type { Transport } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { sseSingle } from 'millrace/client/sse-single';
import { tabs } from 'millrace/client/tabs';
import { StreamedFile } from 'millrace/client/uploads';
import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import { failure } from '../support/response-stage.ts';

const transports: Readonly<Record<string, () => Transport>> = {
  websocket: () => websocket(),
  'websocket with the legacy protocol': () => websocket({ protocol: subscriptionsTransportWs }),
  http: () => http(),
  sse: () => sse(),
  multipart: () => multipart(),
  sseSingle: () => sseSingle(),
  'tabs, where there is one': () => tabs({ name: 'app', transport: websocket() }),
};

const files = {
  'a file': new File([''], 'a'),
  'a blob': new Blob([]),
  'a stream': new StreamedFile(new Blob([]).stream(), 'a'),
};

describe.each(Object.entries(transports))('a transport that carries no files: %s', (_, create) => {
  it.each(Object.entries(files))(
    'fails an operation with %s, and names the remedy',
    async (__, file) => {
      const { httpUrl } = await serveFixture();
      const client = createClient({ url: httpUrl, transport: create() });
      onTestFinished(() => client.close());
      const query = 'query ($text: String!) { echo(text: $text) }';

      for (const request of [{ variables: { text: [{ file }] } }, { extensions: { file } }]) {
        await expect(client.query({ query, ...request })).rejects.toEqual(
          failure('CLIENT_ERROR', {
            retryable: false,
            message: expect.stringMatching(/`uploads`/),
          }),
        );
      }
      // others on the same connection do not suffer from it
      expect(await client.query({ query, variables: { text: 'x' } })).toEqual({
        data: { echo: 'x' },
      });
    },
  );
});

it('AppSync carries no files either', async () => {
  const client = createClient({
    url: 'http://host.invalid/graphql',
    transport: appsync({ authorization: { authorization: 'x' } }),
  });
  onTestFinished(() => client.close());
  const variables = { file: new Blob([]) };
  const results = client.subscribe({ query: 'subscription { tick }', variables });

  await expect(results[Symbol.asyncIterator]().next()).rejects.toEqual(
    failure('CLIENT_ERROR', { message: expect.stringMatching(/`uploads`/) }),
  );
});
