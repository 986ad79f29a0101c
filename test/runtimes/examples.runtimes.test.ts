import { afterEach, expect, it, vi } from 'vitest';

import { BodyReader } from '../contract/adapter-clients.ts';
import type { Program } from './support/program.ts';
import { commands, startProgram, workerd } from './support/program.ts';
import { urlIn } from './support/runtime.ts';

let program: Program | undefined;
afterEach(() => program?.end());

it.each([
  ['fetch/server.mjs', commands.node],
  ['hono/server.mjs', commands.node],
  ['bun/server.mjs', commands.bun],
  ['deno/server.mjs', commands.deno],
  ['cloudflare/worker.mjs', workerd('../../examples/cloudflare/workers.capnp')],
])('the example %s delivers what is said in a room', async (entry, command) => {
  program = await startProgram(`../../examples/${entry}`, command);
  const url = new URL('/graphql', urlIn(program.line));
  const send = (query: string, accept: string): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query }),
    });
  const heard = new BodyReader(
    await send('subscription { said(room: "lobby") }', 'text/event-stream'),
  );
  const hearing = heard.until(() => heard.text.includes('{"said":"Hello"}'));

  // nothing tells when the subscription has started, so it is said until it is heard
  await vi.waitFor(async () => {
    await send('mutation { say(room: "lobby", text: "Hello") }', 'application/json');
    expect(heard.text).toContain('{"said":"Hello"}');
  });

  await hearing;
  await heard.cancel();
});
