import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';

/** Asks over HTTP. */
function ask(server: ReturnType<typeof converse>['server'], query: string, method = 'POST') {
  return server.handleRequest({
    method,
    url: '/graphql',
    headers: { 'content-type': 'application/json' },
    body: () => Promise.resolve({ text: JSON.stringify({ query }) }),
  });
}

describe('a refusal that time heals says when to ask again', () => {
  it('429 for a principal with too many operations', async () => {
    const { server, clock } = converse({
      principal: () => 'ada',
      limits: { operationsPerPrincipal: 1 },
    });

    void ask(server, '{ never }');
    await clock.settle();

    expect(await ask(server, '{ hello }')).toMatchObject({
      status: 429,
      headers: { 'retry-after': '5' },
    });
  });

  it('503 for a server that is full', async () => {
    const { server } = converse({ limits: { reservations: 1 } });

    await ask(server, '', 'PUT');

    expect(await ask(server, '', 'PUT')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });

  it('503 for a server that is being closed', async () => {
    const { server } = converse();

    await server.close();

    expect(await ask(server, '{ hello }')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });

  it('and an answer does not', async () => {
    const { server } = converse();

    const { headers } = await ask(server, '{ hello }');

    expect(headers).not.toHaveProperty('retry-after');
  });
});
