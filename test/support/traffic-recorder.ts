import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import type { Direction } from 'millrace/testing/node';
import { onTestFinished } from 'vitest';

/** What passed on one connection in each direction. */
export type RecordedTraffic = Readonly<Record<Direction, readonly Buffer[]>>;

/** A relay that writes down what passes on the first connection. */
export interface TrafficRecorder {
  readonly port: number;
  readonly traffic: RecordedTraffic;
}

/** Starts one in front of `serverPort`; it ends with the test. */
export async function recordTraffic(serverPort: number): Promise<TrafficRecorder> {
  const traffic = { 'to-server': [] as Buffer[], 'to-client': [] as Buffer[] };
  let connections = 0;
  const relay = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    connections += 1;
    if (connections === 1) {
      client.on('data', (chunk: Buffer) => traffic['to-server'].push(chunk));
      server.on('data', (chunk: Buffer) => traffic['to-client'].push(chunk));
    }
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  onTestFinished(() => void relay.close());
  return { port: (relay.address() as AddressInfo).port, traffic }; // it listens on a port, not on a pipe
}

/** How many bytes have passed at the end of each message: of the head of HTTP, then of the lines of a stream, of a body, or of the frames of a WebSocket. */
export function findBoundaries(chunks: readonly Buffer[]): readonly number[] {
  const bytes = Buffer.concat(chunks);
  const headEnd = bytes.indexOf('\r\n\r\n') + 4;
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase();
  const boundaries = [0, headEnd];
  const toNext = head.includes('upgrade: websocket')
    ? endOfFrame
    : head.includes('transfer-encoding: chunked')
      ? endOfLine
      : endOfBody;
  for (let end = headEnd; end < bytes.length; boundaries.push(end)) end = toNext(bytes, end);
  return boundaries;
}

/** RFC 6455, section 5.2; none is longer than 65,535 bytes here. */
function endOfFrame(bytes: Buffer, start: number): number {
  const second = bytes.readUInt8(start + 1);
  const maskBytes = second >= 0x80 ? 4 : 0;
  const short = second % 0x80;
  return short < 126
    ? start + 2 + maskBytes + short
    : start + 4 + maskBytes + bytes.readUInt16BE(start + 2);
}

function endOfLine(bytes: Buffer, start: number): number {
  return bytes.indexOf('\n', start) + 1;
}

function endOfBody(bytes: Buffer): number {
  return bytes.length;
}
