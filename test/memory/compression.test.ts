import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { constants, deflateRawSync } from 'node:zlib';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import { RawConnections, opcodes } from '../support/raw-websocket.ts';
import type { ClientFrame, RawConnection } from '../support/raw-websocket.ts';

/** What an idle connection may hold because its messages are compressed. */
const heldBytes = 512;

const connections = 400;
/** Sockets of the system and what the tests hold of them differ a little: the least difference counts. */
const rounds = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

/** Of the heap, and of what stands outside of it: zlib's windows among them. */
function usedBytes(): number {
  for (let i = 0; i < 4; i += 1) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function frame(message: object, isCompressed: boolean): ClientFrame {
  const text = JSON.stringify(message);
  if (!isCompressed) return { opcode: opcodes.text, payload: text };
  const deflated = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  return { opcode: opcodes.text, payload: deflated.subarray(0, -4), rsv: 4 };
}

const payload = { query: 'subscription { message(room: "r") { text } }' };

it('a connection whose messages are compressed holds next to nothing for it', async () => {
  const app = createFixtureApp();
  const compression = { thresholdBytes: 1 };
  const server = createServer({ schema: app.schema, broker: app.broker, compression });
  const httpServer = createHttpServer();
  const attachment = attach(server, httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const clients = new RawConnections();

  /** What a connection that sent and got messages holds. */
  const bytesPerConnection = async (isCompressed: boolean): Promise<number> => {
    const headers = isCompressed ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {};
    const before = usedBytes();
    const opened: RawConnection[] = [];
    for (let i = 0; i < connections; i += 1) {
      const connection = await clients.upgrade(port, { headers });
      connection.send(frame({ type: 'connection_init' }, isCompressed));
      await connection.frame();
      connection.send(frame({ id: '1', type: 'subscribe', payload }, isCompressed));
      opened.push(connection);
    }
    await expect.poll(() => server.sharing().subscribers).toBe(connections);
    await app.publish('r', 'to all '.repeat(100));
    for (const connection of opened)
      expect((await connection.frame()).rsv).toBe(isCompressed ? 4 : 0);
    const held = (usedBytes() - before) / connections;
    clients.destroyAll();
    await expect.poll(() => server.gauges().connections).toBe(0);
    return held;
  };

  await bytesPerConnection(true);
  const differences: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const plain = await bytesPerConnection(false);
    differences.push((await bytesPerConnection(true)) - plain);
  }

  expect(Math.min(...differences)).toBeLessThan(heldBytes);
  expect(server.counters().compressedResults).toBe(rounds + 1);

  await attachment.close();
  httpServer.close();
  await once(httpServer, 'close');
}, 60_000);
