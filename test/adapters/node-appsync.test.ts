import { listen } from 'millrace/adapters/node';
import type { Protocol } from 'millrace';
import type { ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, describe, expect, it } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { SocketClient } from '../support/socket-client.ts';
import { connectSocket } from '../support/socket-client.ts';
import { appsyncServer } from '../transcripts/appsync-server.ts';
import { replay } from '../transcripts/replay-server.ts';
import { listTranscripts, needsNoTime } from '../transcripts/server-transcript.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(
  options: Partial<ServerOptions> = {},
  path: string | readonly string[] = '/graphql',
): Promise<{ readonly url: string; readonly app: FixtureApp }> {
  const app = createFixtureApp();
  const server = createServer({
    protocols: ['appsync'],
    onInternalError: () => {},
    ...options,
    schema: app.schema,
    broker: app.broker,
  });
  const running = await listen(server, { port: 0, host: '127.0.0.1', path });
  closers.push(() => running.close());
  return { url: running.url, app };
}

async function connect(...parameters: Parameters<typeof connectSocket>): Promise<SocketClient> {
  const client = await connectSocket(...parameters);
  closers.push(() => client.socket.terminate());
  return client;
}

/** The type of what the server answers an init message with: it tells which protocol is spoken. */
async function answersToInit(client: SocketClient): Promise<readonly unknown[]> {
  client.send('{"type":"connection_init"}');
  return (await client.rest()).map((observation) =>
    observation.kind === 'message' ? observation.message : observation.kind,
  );
}

const appsync = [
  { type: 'connection_ack', payload: { connectionTimeoutMs: 300_000 } },
  { type: 'ka' },
];
const legacy = [{ type: 'connection_ack' }, { type: 'ka' }];
const modern = [{ type: 'connection_ack' }];

const conversations = listTranscripts(appsyncServer).filter(([, transcript]) =>
  needsNoTime(transcript),
);

describe.each(['', '/realtime'])('AppSync at the path of the server and %j', (suffix) => {
  it.each(conversations)('%s', async (_title, transcript) => {
    const { url, app } = await serve(transcript.options);
    const { query = '', alsoOffered = [], headers } = transcript.handshake ?? {};
    const seenAt = transcript.says.includes('reach the hooks') ? '' : suffix; // it tells the URL
    const client = await connect(
      `${url}${seenAt}${query}`,
      ['graphql-ws', ...alsoOffered],
      headers,
    );

    await replay(transcript, client, app);

    expect(await client.rest()).toEqual([]);
  });
});

describe('the handshake', () => {
  it.each([
    ['AS-1', '?header=e30%3D&payload=e30%3D', ['graphql-ws']],
    ['AS-2', '?header=e30&payload=e30', ['graphql-ws']],
    ['AS-3', '', ['graphql-ws', 'header-e30']],
    ['AS-3, in the other order', '', ['header-e30', 'graphql-ws']],
    ['AS-5', '', ['graphql-ws']],
  ])('AS-4 of %s is answered with graphql-ws alone', async (_statement, query, offered) => {
    const { url } = await serve();

    const { socket } = await connect(`${url}/realtime${query}`, [...offered]);

    expect(socket.protocol).toBe('graphql-ws');
  });

  it('without the subprotocol it is told why it is not served', async () => {
    const { url } = await serve();

    const client = await connect(`${url}/realtime`, undefined);

    expect(await client.next()).toEqual({
      kind: 'message',
      message: {
        type: 'connection_error',
        payload: { errors: [{ message: 'SubProtocolNotSupportedError', errorCode: 400 }] },
      },
    });
    expect(await client.next()).toMatchObject({ kind: 'close', code: 1002 });
  });
});

describe('a server that speaks several protocols', () => {
  const all: readonly Protocol[] = [
    'graphql-transport-ws',
    'subscriptions-transport-ws',
    'appsync',
  ];

  it.each([
    ['a second subprotocol', '', ['graphql-ws', 'header-e30'], appsync],
    ['query parameters', '?header=e30=&payload=e30=', ['graphql-ws'], appsync],
    ['the path', '/realtime', ['graphql-ws'], appsync],
    ['nothing', '', ['graphql-ws'], legacy],
    ['a query of something else', '?header=e30=', ['graphql-ws'], legacy],
    ['nothing, and offers the newer protocol', '', ['graphql-ws', 'graphql-transport-ws'], modern],
  ])('knows an AppSync client by %s', async (_mark, rest, offered, answers) => {
    const { url } = await serve({ protocols: all });

    expect(await answersToInit(await connect(url + rest, [...offered]))).toEqual(answers);
  });

  it('knows an AppSync client by the host', async () => {
    const { url } = await serve({ protocols: all });
    const headers = { host: 'x.appsync-realtime-api.eu-west-1.amazonaws.com' };

    expect(await answersToInit(await connect(url, ['graphql-ws'], headers))).toEqual(appsync);
  });

  it('does not give AppSync clients the older protocol, nor others AppSync, unless it is named', async () => {
    const { url } = await serve({
      protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
    });

    const marked = await connect(url, ['graphql-ws', 'header-e30']);

    expect(await answersToInit(marked)).toEqual(legacy);
    await expect(connect(`${url}/realtime`, ['graphql-ws'])).rejects.toThrow('404');
  });
});

describe('paths', () => {
  it('every path has its real-time path, for upgrades alone', async () => {
    const { url } = await serve({}, ['/graphql', '/api/']);
    const { origin } = new URL(url);

    for (const path of ['/graphql/realtime', '/api/realtime', '/api/']) {
      expect(await answersToInit(await connect(origin + path, ['graphql-ws']))).toEqual(appsync);
    }
    expect((await fetch(`${origin}/graphql/realtime?query=%7Bhello%7D`)).status).toBe(404);
  });
});
