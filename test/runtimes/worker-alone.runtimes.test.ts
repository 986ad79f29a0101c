import { afterAll, beforeAll, expect, it } from 'vitest';

import { connectSocket } from '../support/socket-client.ts';
import type { Program } from './support/program.ts';
import { startProgram, workerd } from './support/program.ts';
import { urlIn } from './support/runtime.ts';

let program: Program | undefined;
beforeAll(async () => {
  program = await startProgram('programs/worker-alone.ts', workerd('programs/worker-alone.capnp'));
});
afterAll(() => program?.end());

const url = (): string => new URL('/graphql', urlIn(program?.line ?? '')).href;

it('a Worker without a Durable Object answers requests with a server for each', async () => {
  for (const text of ['one', 'two']) {
    const answer = await fetch(`${url()}?query={echo(text:"${text}")}`);
    expect(await answer.json()).toEqual({ data: { echo: text } });
  }
});

it('a Worker without a Durable Object carries a subscription whose source is its own, over an event stream', async () => {
  const answer = await fetch(url(), {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: '{"query":"subscription { countdown(from: 2) }"}',
  });

  expect(await answer.text()).toMatch(/"countdown":2[^]*"countdown":1[^]*event: complete/);
});

it('a Worker without a Durable Object carries a subscription whose source is its own, over a socket', async () => {
  const client = await connectSocket(url(), ['graphql-transport-ws']);

  client.send('{"type":"connection_init"}');
  expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
  client.send(
    '{"id":"1","type":"subscribe","payload":{"query":"subscription { countdown(from: 1) }"}}',
  );

  expect(await client.next()).toMatchObject({ message: { payload: { data: { countdown: 1 } } } });
  expect(await client.next()).toMatchObject({ message: { type: 'complete' } });
  client.socket.terminate();
});
