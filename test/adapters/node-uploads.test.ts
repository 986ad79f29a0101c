import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

import type { Running } from 'millrace/adapters/node';
import { listen } from 'millrace/adapters/node';
import type { Server, UploadOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, expect, it } from 'vitest';

import type { Act } from '../support/upload-stage.ts';
import { boundary, partText, requestParts, uploadSchema } from '../support/upload-stage.ts';
import { Inbox, until } from '../support/waiting.ts';

let running: Running | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await running?.close();
});

interface Stage {
  readonly server: Server;
  readonly running: Running;
  readonly hidden: unknown[];
}

async function serve(act: Act, uploads: UploadOptions | boolean = true): Promise<Stage> {
  const hidden: unknown[] = [];
  const server = createServer({
    schema: uploadSchema(act),
    uploads,
    onInternalError: (error) => hidden.push(error),
  });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  return { server, running, hidden };
}

const query = 'mutation ($file: Upload) { act(file: $file) }';
const opening = requestParts({ query, variables: { file: null } }, { 0: ['variables.file'] })
  .map(partText)
  .join('');
const fileHead = partText({ name: '0', fileName: 'f', content: '' }).slice(0, -2);
const closing = `\r\n--${boundary}--\r\n`;

/** A form with one file, as a web client makes it. */
function form(file: Blob): FormData {
  const fields = new FormData();
  fields.append('operations', JSON.stringify({ query, variables: { file: null } }));
  fields.append('map', '{"0":["variables.file"]}');
  fields.append('0', file, 'größe "1".bin');
  return fields;
}

/** What a client writes and reads by hand. */
class RawClient {
  readonly socket: Socket;
  #text = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.#text += text));
    this.socket.on('error', () => {}); // a reset is a way to end
    sockets.push(this.socket);
  }

  head(length: number, accept = 'application/json'): this {
    const lines = [
      'POST /graphql HTTP/1.1',
      'Host: a',
      `Accept: ${accept}`,
      `Content-Type: multipart/form-data; boundary="${boundary}"`,
      'GraphQL-Require-Preflight: 1',
      `Content-Length: ${length}`,
    ];
    return this.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  write(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  async says(what: string): Promise<void> {
    await until(() => this.#text.includes(what), `the answer with ${what}`);
  }

  /** What was read and not taken. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  async closes(): Promise<void> {
    await until(() => this.socket.closed, 'the end of the connection');
  }
}

const postHello = (): string => {
  const body = '{"query":"{ hello }"}';
  return `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

it('UP-1 carries 5 MB of a web client to the byte, with a name that is not ASCII', async () => {
  const content = randomBytes(5_000_000);
  const {
    running: { url },
  } = await serve(async (file) => {
    const here = await file;
    const hash = createHash('sha256');
    for await (const chunk of here.stream()) hash.update(chunk);
    return `${here.name} ${here.type} ${here.size} ${hash.digest('hex')}`;
  });

  const response = await fetch(url, {
    method: 'POST',
    headers: { 'graphql-require-preflight': '1' },
    body: form(new Blob([content], { type: 'image/png' })),
  });

  const digest = createHash('sha256').update(content).digest('hex');
  expect(await response.json()).toEqual({
    data: { act: `größe "1".bin image/png 5000000 ${digest}` },
  });
});

it('answers before the file was sent, and serves the connection on when it was', async () => {
  const {
    running: { port },
  } = await serve(() => Promise.resolve('not read'));
  const rest = `${'a'.repeat(200_000)}${closing}`;
  const client = new RawClient(port)
    .head(opening.length + fileHead.length + rest.length)
    .write(opening + fileHead);
  await client.says('not read');

  expect(client.take()).toContain('200 OK');
  client.write(rest).write(postHello());

  await client.says('world');
  expect(client.take()).toContain('{"data":{"hello":"world"}}');
});

it('gives a client that is answered early the time to send its file', async () => {
  const {
    running: { url },
  } = await serve(() => Promise.resolve('not read'));
  const file = new Blob([new Uint8Array(9_000_000)]);

  const response = await fetch(url, {
    method: 'POST',
    headers: { 'graphql-require-preflight': '1' },
    body: form(file),
  });

  expect(await response.json()).toEqual({ data: { act: 'not read' } });
});

it('UP-15 refuses a body that says to be too long before it is read, and cuts off who sends it all the same', async () => {
  const {
    running: { port },
  } = await serve(() => Promise.resolve('not read'));
  const client = new RawClient(port).head(60_000_000).write(opening + fileHead);
  await client.says('uploads.totalBytes of 52428800 exceeded');
  expect(client.take()).toContain('HTTP/1.1 413 ');

  const piece = new Uint8Array(100_000);
  for (let sent = 0; sent < 59; sent += 1) client.write(piece);

  await client.closes();
});

it('UP-19 lets go of everything when its client is cut off within a file', async () => {
  const events = new Inbox<unknown>('events');
  const {
    server,
    running: { port },
    hidden,
  } = await serve(async (file) => {
    const here = await file;
    events.push('reading');
    await here.text().catch((error: unknown) => events.push(String(error)));
    return null;
  });
  const client = new RawClient(port)
    .head(1_000_000)
    .write(opening + fileHead)
    .write('some bytes');
  expect(await events.next()).toBe('reading');

  client.socket.destroy();

  expect(await events.next()).toContain('the request ended before its files were there');
  await until(() => server.gauges().operations === 0, 'no operation is left');
  expect(server.gauges()).toMatchObject({ connections: 0, operations: 0 });
  expect(hidden).toEqual([]);
});

it('reads files on after an event stream has begun to answer', async () => {
  const {
    running: { port },
  } = await serve(async (file) => String((await (await file).text()).length));
  const rest = `${'a'.repeat(100_000)}${closing}`;
  const client = new RawClient(port)
    .head(opening.length + fileHead.length + rest.length, 'text/event-stream')
    .write(opening + fileHead);
  await client.says('200 OK');

  client.write(rest);

  await client.says('event: complete');
  expect(client.take()).toContain('{"data":{"act":"100000"}}');
});

it('holds a client back that sends faster than its file is read', async () => {
  const arrived = new Inbox<ReadableStreamDefaultReader<Uint8Array>>('readers');
  const release = new AbortController();
  const {
    running: { port },
  } = await serve(async (file) => {
    arrived.push((await file).stream().getReader());
    await once(release.signal, 'abort');
    return 'done';
  });
  const total = 40_000_000;
  const client = new RawClient(port).head(total).write(opening + fileHead);
  const piece = new Uint8Array(1_000_000);
  for (let sent = 0; sent < 39; sent += 1) client.write(piece);
  const reader = await arrived.next();

  // what is not in the kernel's buffers nor read ahead stays with the client
  let read = 0;
  while (read < 5_000_000) read += (await reader.read()).value?.length ?? Infinity;
  expect(client.socket.writableLength).toBeGreaterThan(10_000_000);

  release.abort();
  await client.says('done');
});
