import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

import { createServer } from 'millrace/server';
import type { Server, ServerOptions } from 'millrace/server';
import { listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import { VirtualClock } from 'millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import type { ClientFrame, RawConnection, ServerFrame } from '../support/raw-websocket.ts';
import {
  RawConnections,
  closeFrame,
  opcodes,
  textFrame,
  upgradeRequest,
} from '../support/raw-websocket.ts';

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

interface Stage {
  readonly app: FixtureApp;
  readonly clock: VirtualClock;
  readonly server: Server;
  readonly port: number;
}

async function stage(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const app = createFixtureApp();
  const clock = new VirtualClock();
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    clock,
    compression: { thresholdBytes: 1 },
    ...options,
  });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  return { app, clock, server, port: running.port };
}

const offering = (offers: string | readonly string[]) => ({
  headers: { 'Sec-WebSocket-Extensions': offers },
});
const offer = 'permessage-deflate; client_max_window_bits';

async function answerTo(port: number, offers: string): Promise<string | undefined> {
  const connection = await connections.open(port);
  connection.write(upgradeRequest(offering(offers)));
  const { status, headers } = await connection.head();
  expect(status).toBe(101);
  return headers['sec-websocket-extensions']?.join(', ');
}

/** What stands in `frame` once it is inflated, as RFC 7692 section 7.2.2 has it. */
function inflated({ payload }: Pick<ServerFrame, 'payload'>): string {
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: constants.Z_SYNC_FLUSH,
  }).toString('utf8');
}

function deflated(text: string | Uint8Array, windowBits = 15): Buffer {
  return deflateRawSync(text, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const rsv1 = 4;

/** A message in one frame, compressed. */
function compressed(message: unknown, windowBits?: number): ClientFrame {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  return { opcode: opcodes.text, payload: deflated(text, windowBits), rsv: rsv1 };
}

/** The same in as many frames as there are bytes. */
function fragments({ payload = '', ...first }: ClientFrame): readonly ClientFrame[] {
  const bytes = [...Buffer.from(payload)].map((byte) => Buffer.from([byte]));
  const last = bytes.length - 1;
  return bytes.map((byte, index) =>
    index === 0
      ? Object.assign({ payload: byte, fin: last === 0 }, first)
      : { opcode: opcodes.continuation, payload: byte, fin: index === last },
  );
}

const init = { type: 'connection_init' };
const ping = { type: 'ping' };
const echo = (id: string, text: string) => ({
  id,
  type: 'subscribe',
  payload: { query: 'query ($text: String!) { echo(text: $text) }', variables: { text } },
});
const echoed = (id: string, text: string) => ({
  id,
  type: 'next',
  payload: { data: { echo: text } },
});

async function ready(port: number, offers = offer): Promise<RawConnection> {
  const connection = await connections.upgrade(port, offering(offers));
  connection.send(compressed(init));
  expect(messageIn(await connection.frame())).toEqual({ type: 'connection_ack' });
  return connection;
}

function messageIn(frame: ServerFrame): unknown {
  return JSON.parse(frame.rsv === rsv1 ? inflated(frame) : frame.payload.toString('utf8'));
}

/** What answers an operation. */
async function answer(connection: RawConnection): Promise<readonly unknown[]> {
  return [messageIn(await connection.frame()), messageIn(await connection.frame())];
}

const answered = (id: string, text: string) => [echoed(id, text), { id, type: 'complete' }];

/** The code of the close frame that comes next. */
async function closeCode(connection: RawConnection): Promise<number> {
  const { opcode, payload } = await connection.frame();
  expect(opcode).toBe(opcodes.close);
  return payload.readUInt16BE(0);
}

/** The same of a connection whose server does not wait for our close. */
async function breakCode(connection: RawConnection): Promise<number> {
  const code = await closeCode(connection);
  expect(await connection.ended()).toHaveLength(0);
  return code;
}

describe('the upgrade', () => {
  const extension = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

  it('agrees to nothing unless the server is told to', async () => {
    const { port } = await stage({ compression: false });

    expect(await answerTo(port, offer)).toBeUndefined();
  });

  it('WS-32 names no window of the client, and the one of the server only if it was offered', async () => {
    const { port } = await stage();

    expect(await answerTo(port, 'permessage-deflate')).toBe(extension);
    expect(await answerTo(port, 'permessage-deflate; client_max_window_bits=9')).toBe(extension);
    expect(await answerTo(port, 'permessage-deflate; server_max_window_bits=10')).toBe(
      `${extension}; server_max_window_bits=10`,
    );
  });

  it('WS-31 goes on without compression after invalid offers', async () => {
    const { port } = await stage();

    for (const offers of [
      'permessage-deflate; unheard_of',
      'permessage-deflate; server_max_window_bits=16',
      'permessage-deflate; client_no_context_takeover=1',
      ';;,"',
    ])
      expect(await answerTo(port, offers)).toBeUndefined();
  });

  it('takes the first offer that it can keep, from any line', async () => {
    const { port } = await stage();
    const connection = await connections.open(port);
    connection.write(
      upgradeRequest(offering(['permessage-deflate; server_max_window_bits=8', offer])),
    );

    const { headers } = await connection.head();

    expect(headers['sec-websocket-extensions']).toEqual([extension]);
  });

  it('offers nothing to a connection that is closed at once', async () => {
    const { port } = await stage();
    const connection = await connections.open(port);
    const unknown = { 'Sec-WebSocket-Protocol': 'chat', 'Sec-WebSocket-Extensions': offer };
    connection.write(upgradeRequest({ headers: unknown }));

    expect((await connection.head()).headers['sec-websocket-extensions']).toBeUndefined();
    expect(await closeCode(connection)).toBe(4406);
  });
});

describe('what a server sends', () => {
  it('WS-30 has RSV1 on the frames of results, and on no others', async () => {
    const { port, app } = await stage();
    const connection = await ready(port);
    connection.send(compressed(echo('1', 'hello '.repeat(50))), {
      opcode: opcodes.ping,
      payload: 'there?',
    });

    const frames = [await connection.frame(), await connection.frame(), await connection.frame()];

    expect(frames.map(({ opcode, rsv, fin }) => ({ opcode, rsv, fin }))).toEqual(
      expect.arrayContaining([
        { opcode: opcodes.text, rsv: rsv1, fin: true },
        { opcode: opcodes.text, rsv: 0, fin: true },
        { opcode: opcodes.pong, rsv: 0, fin: true },
      ]),
    );
    expect(app.openSources()).toBe(0);
  });

  it('is not compressed for a client that did not offer it', async () => {
    const { port, server } = await stage();
    const connection = await connections.upgrade(port);
    connection.send(textFrame(init));
    await connection.frame();

    connection.send(textFrame(echo('1', 'x'.repeat(5_000))));

    expect((await connection.frame()).rsv).toBe(0);
    expect(server.counters().compressedResults).toBe(0);
  });

  it.each([1, 126, 65_000, 65_530, 66_000])(
    'WS-30 comes back whole: %d letters',
    async (length) => {
      const { port } = await stage({ limits: { messageBytes: 1_000_000 } });
      const connection = await ready(port);
      const text = '✓ é '.repeat(length).slice(0, length);
      connection.send(compressed(echo('long ✓', text)));

      expect(await answer(connection)).toEqual(answered('long ✓', text));
    },
  );
});

describe('what a server receives', () => {
  it.each([9, 10, 11, 12, 13, 14, 15])('WS-30 may have a window of %d bits', async (bits) => {
    const { port } = await stage();
    const connection = await ready(port, `permessage-deflate; server_max_window_bits=${bits}`);
    const text = 'abcdefghij'.repeat(3_000);

    connection.send(compressed(echo('1', text), bits));

    expect(await answer(connection)).toEqual(answered('1', text));
  });

  it.each([
    ['a final block', 'f248cdc9c9070000'],
    ['a stored block', '000500faff48656c6c6f00'],
    ['two blocks', 'f2480500 0000ffff cac9c90700'],
  ])('WS-30 may be of other encoders: %s', async (_name, hex) => {
    const { port } = await stage();
    const connection = await ready(port);
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');

    connection.send({ opcode: opcodes.text, payload: bytes, rsv: rsv1 });

    // "Hello", which is no message of the protocol
    expect(await closeCode(connection)).toBe(4400);
  });

  it('WS-30 may come in fragments of a byte, RSV1 on the first, with pings between', async () => {
    const { port } = await stage();
    const connection = await ready(port);
    const [first, ...rest] = fragments(compressed(echo('1', 'Straße ✓ 🚰')));
    if (!first) throw new Error('there are fragments');
    connection.send(first, { opcode: opcodes.ping, payload: 'between' }, ...rest);

    expect((await connection.frame()).payload.toString()).toBe('between');
    expect(await answer(connection)).toEqual(answered('1', 'Straße ✓ 🚰'));

    connection.send(compressed(echo('2', 'and at once')));
    expect(await answer(connection)).toEqual(answered('2', 'and at once'));
  });

  it('WS-35 may be uncompressed, in any order with the others', async () => {
    const { port } = await stage();
    const connection = await ready(port);
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];

    connection.send(
      ...texts.flatMap((text, index) => {
        const message = echo(text, text);
        if (index % 3 === 0) return [compressed(message)];
        return index % 3 === 1 ? [textFrame(message)] : fragments(compressed(message));
      }),
    );

    const received: unknown[] = [];
    for (let i = 0; i < 2 * texts.length; i += 1)
      received.push(messageIn(await connection.frame()));
    expect(received).toEqual(expect.arrayContaining(texts.flatMap((id) => answered(id, id))));
  });

  it.each([
    ['a ping with RSV1', [{ opcode: opcodes.ping, rsv: rsv1 }]],
    ['a close with RSV1', [{ ...closeFrame(1000), rsv: rsv1 }]],
    [
      'a continuation with RSV1',
      [
        { ...compressed(init), fin: false },
        { opcode: opcodes.continuation, payload: 'x', rsv: rsv1 },
      ],
    ],
    ['another reserved bit', [{ ...compressed(init), rsv: rsv1 | 2 }]],
  ])('WS-33 is an error: %s', async (_name, frames) => {
    const { port } = await stage();
    const connection = await ready(port);

    connection.send(...frames);

    expect(await breakCode(connection)).toBe(1002);
  });

  it('WS-33 is an error with RSV1 where nothing was agreed on', async () => {
    const { port } = await stage();
    const connection = await connections.upgrade(port);

    connection.send(compressed(init));

    expect(await breakCode(connection)).toBe(1002);
  });

  it('closes with 1007 what cannot be inflated', async () => {
    const { port } = await stage();
    const connection = await ready(port);

    connection.send({ opcode: opcodes.text, payload: Buffer.alloc(64, 0xff), rsv: rsv1 });

    expect(await breakCode(connection)).toBe(1007);
  });

  it('closes with 1007 what is not UTF-8 once it is inflated', async () => {
    const { port } = await stage();
    const connection = await ready(port);

    connection.send({ ...compressed(''), payload: deflated(Buffer.from([0xff, 0xfe])) });

    expect(await breakCode(connection)).toBe(1007);
  });

  it.each([
    ['in one frame', (bomb: ClientFrame) => [bomb]],
    ['in fragments', fragments],
  ])('WS-34 closes a bomb with 1009, its memory bounded: %s', async (_name, cut) => {
    const { port, server } = await stage({ limits: { messageBytes: 1_048_576 } });
    const connection = await ready(port);
    const bomb = { ...compressed(''), payload: deflated(Buffer.alloc(10 * 1_048_576)) };
    const before = process.memoryUsage().arrayBuffers;

    connection.send(...cut(bomb));

    expect(await breakCode(connection)).toBe(1009);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1_048_576);
    connection.socket.destroy();
    await expect.poll(() => server.gauges().connections).toBe(0);
  });

  it('WS-34 is bounded by the limit of messages, to the byte', async () => {
    const messageBytes = 1_000;
    const { port } = await stage({ limits: { messageBytes } });
    const [fits, exceeds] = [await ready(port), await ready(port)];

    fits.send(compressed(JSON.stringify(ping).padEnd(messageBytes)));
    exceeds.send(compressed(JSON.stringify(ping).padEnd(messageBytes + 1)));

    expect(messageIn(await fits.frame())).toEqual({ type: 'pong' });
    expect(await breakCode(exceeds)).toBe(1009);
  });

  it('is bounded by the limit of fragments', async () => {
    const { port } = await stage({ limits: { messageFragments: 10 } });
    const connection = await ready(port);

    connection.send(...fragments(compressed(echo('1', 'x'))));

    expect(await breakCode(connection)).toBe(1008);
  });

  it.each([
    ['by itself', []],
    ['behind another', [compressed(ping)]],
  ])('is bounded by the limit of time: %s', async (_name, before) => {
    const { port, clock } = await stage();
    const connection = await ready(port);
    const [first] = fragments(compressed(init));
    if (!first) throw new Error('there are fragments');

    connection.send(...before, first, { opcode: opcodes.ping, payload: 'read?' });
    for (let frames = 0; frames <= before.length; frames += 1) await connection.frame();
    await clock.advance(10_050);

    expect(await closeCode(connection)).toBe(1008);
  });

  it('has as much time again once it is complete', async () => {
    const { port, clock, server } = await stage();
    const connection = await ready(port);

    for (const message of [textFrame(ping), compressed(ping), compressed(ping)]) {
      for (const fragment of fragments(message)) connection.send(fragment);
      expect(messageIn(await connection.frame())).toEqual({ type: 'pong' });
      await clock.advance(9_000);
    }

    expect(server.gauges().connections).toBe(1);
    connection.send(compressed(ping));
    expect(messageIn(await connection.frame())).toEqual({ type: 'pong' });
  });

  it('is a sign of life, and so is a pong after it', async () => {
    const { port, clock } = await stage();
    const connection = await ready(port);
    connection.send(compressed(ping));
    expect(messageIn(await connection.frame())).toEqual({ type: 'pong' });

    for (let round = 0; round < 3; round += 1) {
      await clock.advance(12_050);
      expect((await connection.frame()).opcode).toBe(opcodes.ping);
      // the answer shows that the server has read
      connection.send({ opcode: opcodes.pong }, { opcode: opcodes.ping, payload: 'read?' });
      expect((await connection.frame()).payload.toString()).toBe('read?');
    }
  });
});
