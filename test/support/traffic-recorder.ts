import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import type { Direction } from 'millrace/testing/node';
import { onTestFinished } from 'vitest';

/** What passed on one connection in each direction. */
export type RecordedTraffic = Readonly<Record<Direction, readonly Buffer[]>>;

/** A relay that writes down what passes. */
export interface TrafficRecorder {
  readonly port: number;
  /** One for each connection, in their order; of one that said nothing there is nothing. */
  readonly traffic: readonly RecordedTraffic[];
}

/** Starts one in front of `serverPort`; it ends with the test. */
export async function recordTraffic(serverPort: number): Promise<TrafficRecorder> {
  const traffic: Record<Direction, Buffer[]>[] = [];
  const relay = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    const passed: Record<Direction, Buffer[]> = { 'to-server': [], 'to-client': [] };
    traffic.push(passed);
    client.on('data', (chunk: Buffer) => passed['to-server'].push(chunk));
    server.on('data', (chunk: Buffer) => passed['to-client'].push(chunk));
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

/** How many bytes have passed at the end of each message: of each head of HTTP, then of the lines of a stream, of a body, or of the frames of a WebSocket. */
export function findBoundaries(chunks: readonly Buffer[]): readonly number[] {
  const bytes = Buffer.concat(chunks);
  const boundaries = [0];
  for (let end = 0; end < bytes.length;) {
    const head = headAt(bytes, end);
    end += head.length;
    boundaries.push(end);
    const toNext = partsAfter(head);
    if (toNext) for (; end < bytes.length; boundaries.push(end)) end = toNext(bytes, end);
    const bodyBytes = Number(/^content-length: (\d+)/m.exec(head)?.[1] ?? 0);
    if (bodyBytes > 0) boundaries.push((end += bodyBytes));
  }
  return boundaries;
}

function headAt(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start, bytes.indexOf('\r\n\r\n', start) + 4).toLowerCase();
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

/** What finds the end of each part of what follows a head, up to the end of the connection. */
function partsAfter(head: string): ((bytes: Buffer, start: number) => number) | undefined {
  if (head.includes('upgrade: websocket')) return endOfFrame;
  return head.includes('transfer-encoding: chunked') ? endOfLine : undefined;
}

function endOfLine(bytes: Buffer, start: number): number {
  return bytes.indexOf('\n', start) + 1;
}
