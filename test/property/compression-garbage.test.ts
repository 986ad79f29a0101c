import { constants, deflateRawSync } from 'node:zlib';

import fc from 'fast-check';
import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import type { ClientFrame } from '../support/raw-websocket.ts';
import { RawConnections, opcodes, toBytes } from '../support/raw-websocket.ts';

function deflated(text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

const init = deflated('{"type":"connection_init"}');
const subscribe = deflated(
  '{"id":"1","type":"subscribe","payload":{"query":"subscription { countdown(from: 3) }"}}',
);

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(init, subscribe, deflated('x'.repeat(100_000)), Buffer.alloc(0)),
  fc.string({ unit: 'grapheme' }).map(deflated),
  // what was right but for a byte
  fc.tuple(fc.nat(subscribe.length - 1), fc.nat(255)).map(([index, byte]) => {
    const broken = Buffer.from(subscribe);
    broken[index] = byte;
    return broken;
  }),
);
const frame: fc.Arbitrary<ClientFrame> = fc.record({
  opcode: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(opcodes.text, opcodes.continuation) },
    { weight: 2, arbitrary: fc.constantFrom(opcodes.binary, opcodes.ping, opcodes.pong) },
  ),
  payload,
  fin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.boolean()),
  rsv: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(4, 0) }, fc.nat(7)),
});
const conversation = fc.record({
  frames: fc.array(frame, { minLength: 1, maxLength: 12 }),
  /** Where the bytes are cut into segments. */
  cuts: fc.array(fc.nat(4_000), { maxLength: 4 }),
  end: fc.constantFrom('reset', 'end'),
});

it('survives whatever a client sends after it agreed to compression, and keeps nothing of it', async () => {
  const app = createFixtureApp();
  const failures: unknown[] = [];
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    compression: { thresholdBytes: 1 },
    onInternalError: (error) => failures.push(error),
  });
  const running = await listen(server, { port: 0, host: '127.0.0.1' });
  const clients = new RawConnections();
  onTestFinished(async () => {
    clients.destroyAll();
    await running.close();
  });
  const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

  await fc.assert(
    fc.asyncProperty(conversation, async ({ frames, cuts, end }) => {
      const connection = await clients.upgrade(running.port, { headers });
      connection.send({ opcode: opcodes.text, payload: init, rsv: 4 });
      await connection.frame();
      const bytes = Buffer.concat(frames.map(toBytes));
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      for (const [index, start] of places.slice(0, -1).entries()) {
        connection.write(bytes.subarray(start, places[index + 1]));
        await new Promise((resolve) => void setImmediate(resolve));
      }
      if (end === 'reset') connection.reset();
      else connection.socket.destroy();
      await expect
        .poll(() => server.gauges(), { interval: 1 })
        .toMatchObject({
          connections: 0,
          operations: 0,
          deadlines: 0,
        });
      expect(app.openSources()).toBe(0);
    }),
    { numRuns: 200 },
  );

  expect(failures).toEqual([]);
}, 60_000);
