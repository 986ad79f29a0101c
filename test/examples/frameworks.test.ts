import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';

import { expect, it, onTestFinished, vi } from 'vitest';

import { BodyReader } from '../contract/adapter-clients.ts';
import { bundleExample } from '../support/bundle-example.ts';
import { connectSocket } from '../support/socket-client.ts';

it.each(['fastify', 'express'])(
  'the example with %s delivers what is said in a room, and drains before it ends',
  async (name) => {
    const bundle = await bundleExample(import.meta.resolve(`../../examples/${name}/server.mjs`));
    onTestFinished(() => bundle.remove());
    const program = spawn(process.execPath, [bundle.file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PORT: '0' },
    });
    onTestFinished(() => void program.kill('SIGKILL'));
    const [line] = (await once(createInterface(program.stdout), 'line')) as [string];
    const url = line.replace('GraphQL at ', '');
    const heard = new BodyReader(
      await ask(url, 'subscription { said(room: "lobby") }', 'text/event-stream'),
    );
    const hearing = heard.until(() => heard.text.includes('{"said":"Hello"}'));
    const client = await connectSocket(url, ['graphql-transport-ws']);

    // nothing tells when the subscription has started, so it is said until it is heard
    await vi.waitFor(async () => {
      await ask(url, 'mutation { say(room: "lobby", text: "Hello") }', 'application/json');
      expect(heard.text).toContain('{"said":"Hello"}');
    });
    await hearing;
    const ended = once(program, 'exit');
    program.kill('SIGTERM');

    expect(await client.next()).toMatchObject({ kind: 'close', code: 1012 });
    expect(await ended).toEqual([0, null]);
  },
  60_000,
);

function ask(url: string, query: string, accept: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
  });
}
