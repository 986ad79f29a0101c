import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { Inbox } from '../support/waiting.ts';

/** Runs curl, which is told nothing but what stands here; `output` has what it prints, as it prints it. */
function curl({ httpUrl }: FixtureServer, ...options: readonly string[]) {
  const child = spawn('curl', ['--silent', '--no-buffer', '--max-time', '20', httpUrl, ...options]);
  onTestFinished(() => void child.kill());
  const output = new Inbox<string>('output of curl');
  child.stdout.setEncoding('utf8').on('data', output.push);
  const ended = once(child, 'close');
  return {
    output,
    /** All that it prints, once it ended by itself. */
    printed: async (): Promise<string> => {
      expect(await ended).toEqual([0, null]);
      return output.rest.join('');
    },
    interrupt: async (): Promise<void> => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

function post(query: string, accept?: string): readonly string[] {
  return [
    '-Hcontent-type: application/json',
    ...(accept === undefined ? [] : [`-Haccept: ${accept}`]),
    '--data',
    JSON.stringify({ query }),
  ];
}

/** What stands between two delimiters. */
function part(body: string): string {
  return `\r\ncontent-type: application/json\r\n\r\n${body}\r\n`;
}

const multipart = 'multipart/mixed;subscriptionSpec=1.0, application/json';

it('prints the answer to a query as JSON', async () => {
  const printed = await curl(await serveFixture(), ...post('{ hello }')).printed();
  expect(printed).toBe('{"data":{"hello":"world"}}');
});

it('prints an event stream to the byte', async () => {
  const server = await serveFixture();
  const query = 'subscription { countdown(from: 2) }';
  expect(await curl(server, ...post(query, 'text/event-stream')).printed()).toBe(
    ':\n\n' +
      'event: next\ndata: {"data":{"countdown":2}}\n\n' +
      'event: next\ndata: {"data":{"countdown":1}}\n\n' +
      'event: complete\ndata:\n\n',
  );
});

it('prints an event stream for a GET', async () => {
  const server = await serveFixture();
  const { printed } = curl(
    server,
    '--get',
    '--data-urlencode',
    'query={ hello }',
    '-Haccept: text/event-stream',
  );
  expect(await printed()).toBe(
    ':\n\nevent: next\ndata: {"data":{"hello":"world"}}\n\nevent: complete\ndata:\n\n',
  );
});

it('prints a multipart body to the byte', async () => {
  const server = await serveFixture();
  const query = 'subscription { countdown(from: 2) }';
  expect(await curl(server, ...post(query, multipart)).printed()).toBe(
    `\r\n--graphql${part('{}')}` +
      `--graphql${part('{"payload":{"data":{"countdown":2}}}')}` +
      `--graphql${part('{"payload":{"data":{"countdown":1}}}')}` +
      '--graphql--\r\n',
  );
});

it.each([
  ['an event stream', 'text/event-stream', 'text/event-stream'],
  ['a multipart body', multipart, 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0'],
])('prints the headers of %s, none of which invites buffering', async (_, accept, contentType) => {
  const query = 'subscription { countdown(from: 1) }';
  const printed = await curl(
    await serveFixture(),
    '--dump-header',
    '-',
    '--output',
    '/dev/null',
    ...post(query, accept),
  ).printed();
  const [status, ...headers] = printed.trim().split('\r\n');
  expect(status).toBe('HTTP/1.1 200 OK');
  expect(headers.filter((header) => !/^(date|connection|keep-alive):/i.test(header))).toEqual([
    `content-type: ${contentType}`,
    'vary: accept',
    'cache-control: no-cache, no-transform',
    'x-accel-buffering: no',
    'Transfer-Encoding: chunked',
  ]);
});

it.each([
  ['an event stream', 'text/event-stream', 'event: next\ndata: {"data":', '}\n\n'],
  [
    'a multipart body',
    multipart,
    '\r\ncontent-type: application/json\r\n\r\n{"payload":{"data":',
    '}}\r\n--graphql',
  ],
])('prints each event of %s when it happens', async (_, accept, head, tail) => {
  // without event ids, which differ from event to event
  const server = await serveFixture({ resume: false });
  const query = 'subscription { message(room: "a") { text } }';
  const { output, interrupt } = curl(server, ...post(query, accept));
  await output.next();
  await server.sources(1);
  for (const text of ['one', 'two']) {
    await server.app.publish('a', text);
    expect(await output.next()).toBe(`${head}{"message":{"text":"${text}"}}${tail}`);
  }
  await interrupt();
  await server.sources(0);
});
