import type { RequestHead } from 'millrace/server';
import { expect, it, vi } from 'vitest';

import { converse } from '../support/conversation.ts';
import { post } from '../support/transports.ts';

it.each([{}, { remoteAddress: '192.0.2.1' }])(
  'hooks are shown the head of a request, not what it was read from: %j',
  async (address) => {
    const onConnect = vi.fn<(event: { readonly request: RequestHead }) => object>(() => ({}));
    const { server } = converse({ onConnect });
    const request = { ...post({ query: '{ hello }' }), ...address };
    const { method, url, headers } = request;

    await server.handleRequest({ ...request, signal: new AbortController().signal });

    expect(onConnect.mock.calls[0]?.[0].request).toStrictEqual({
      method,
      url,
      headers,
      ...address,
    });
  },
);

it('hooks are shown the head that an adapter made', async () => {
  const onConnect = vi.fn<(event: { readonly request: RequestHead }) => object>(() => ({}));
  const { server } = converse({ onConnect });
  const head = { method: 'POST', url: '/as-it-came', headers: {} };

  await server.handleRequest({ ...post({ query: '{ hello }' }), head });

  expect(onConnect.mock.calls[0]?.[0].request).toBe(head);
});
