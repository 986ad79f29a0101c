import { EventEmitter, once } from 'node:events';

import type { HttpRequest } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';

/** A request of which the last byte does not come before `release`. */
function slowPost(): { readonly request: HttpRequest; readonly release: () => void } {
  const gate = new EventEmitter();
  const lastByte = once(gate, 'last byte');
  return {
    request: {
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: () => lastByte.then(() => ({ text: '{"query":"{ hello }"}' })),
    },
    release: () => gate.emit('last byte'),
  };
}

describe('a body that does not come', () => {
  it('is answered with 408 after bodyMs, and its connection is closed', async () => {
    const { server, clock } = converse();
    const response = server.handleRequest(slowPost().request);

    await clock.advance(10_000);

    expect(await response).toMatchObject({
      status: 408,
      headers: { connection: 'close' },
      body: JSON.stringify({
        errors: [
          {
            message: 'limits.bodyMs of 10000 exceeded',
            extensions: { code: 'REQUEST_TIMEOUT' },
          },
        ],
      }),
    });
    expect(clock.timerCount).toBe(0);
  });

  it('is waited for as long as bodyMs says', async () => {
    const { server, clock } = converse({ limits: { bodyMs: 30_000 } });
    const { request, release } = slowPost();
    const response = server.handleRequest(request);
    await clock.advance(29_999);

    release();

    expect(await response).toMatchObject({ status: 200, body: '{"data":{"hello":"world"}}' });
    expect(clock.timerCount).toBe(0);
  });

  it('is waited for without end if bodyMs is Infinity', async () => {
    const { server, clock } = converse({ limits: { bodyMs: Infinity } });
    const { request, release } = slowPost();
    const response = server.handleRequest(request);

    expect(clock.timerCount).toBe(0);
    release();

    expect(await response).toMatchObject({ status: 200 });
  });
});
