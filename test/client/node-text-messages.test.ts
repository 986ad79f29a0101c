import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';

import { readTextMessages } from '../../src/client/transports/node-text-messages.ts';
import { opcodes, toBytes } from '../support/raw-websocket.ts';
import type { ClientFrame } from '../support/raw-websocket.ts';

/** What reads for a socket of `ws`; exported, and unknown to the types. */
const { Receiver, WebSocket } = ws as unknown as {
  readonly Receiver: new (options: object) => Writable;
  readonly WebSocket: { readonly OPEN: number; readonly CLOSING: number };
};

/** A socket that was opened by `ws`: its receiver, and what is given to whom. */
function openSocket() {
  const socket = new EventEmitter();
  const webSocket = Object.assign(new EventEmitter(), {
    readyState: WebSocket.OPEN,
    OPEN: WebSocket.OPEN,
    extensions: '',
  });
  const received: string[] = [];
  const byWs: string[] = [];
  const receiver = new Receiver({ isServer: false, maxPayload: 2 ** 30 });
  receiver.on('message', (bytes: Buffer, isBinary: boolean) => {
    const message = `${isBinary ? 'binary ' : ''}${bytes.toString()}`;
    received.push(message);
    byWs.push(message);
  });
  receiver.on('ping', (bytes: Buffer) => received.push(`ping ${bytes.toString()}`));
  receiver.on('conclude', () => {
    webSocket.readyState = WebSocket.CLOSING;
    received.push('close');
  });
  receiver.on('error', (error: Error) => {
    webSocket.readyState = WebSocket.CLOSING;
    received.push('error');
    webSocket.emit('error', error);
  });
  socket.on('data', (chunk: Buffer) => receiver.write(chunk));
  readTextMessages(webSocket, socket, (text) => received.push(text));
  return { received, byWs, webSocket, read: (chunk: Uint8Array) => socket.emit('data', chunk) };
}

const frame = (frameOfServer: ClientFrame): Buffer => toBytes({ masked: false, ...frameOfServer });
const text = (payload: string): Buffer => frame({ opcode: opcodes.text, payload });

describe('text messages on Node', () => {
  it('are read without `ws` if they lie whole in what was read', () => {
    const { received, byWs, read } = openSocket();

    read(Buffer.concat([text('one'), text('x'.repeat(300)), text('')]));
    read(Buffer.concat([text('zwölf'), text('three')]));

    expect(received).toEqual(['one', 'x'.repeat(300), '', 'zwölf', 'three']);
    expect(byWs).toEqual([]);
  });

  it('are not read behind a close frame', () => {
    const { received, read } = openSocket();

    read(Buffer.concat([text('one'), frame({ opcode: opcodes.close }), text('two')]));
    read(text('three'));

    expect(received).toEqual(['one', 'close']);
  });

  it('are left to `ws` once this side closes', () => {
    const { byWs, webSocket, read } = openSocket();

    webSocket.readyState = WebSocket.CLOSING;
    read(Buffer.concat([text('one'), text('two')]));

    expect(byWs).toEqual(['one', 'two']);
  });

  it.each([
    ['no UTF-8', frame({ opcode: opcodes.text, payload: new Uint8Array([0xc3, 0x28]) })],
    ['a masked frame', frame({ opcode: opcodes.text, payload: 'masked', masked: true })],
    ['reserved bits', frame({ opcode: opcodes.text, payload: 'rsv', rsv: 4 })],
    [
      'a message between the pieces of another',
      Buffer.concat([frame({ opcode: opcodes.text, payload: 'a', fin: false }), text('b')]),
    ],
  ])('end with %s, which `ws` finds', async (_what, bytes) => {
    const { received, read } = openSocket();

    read(Buffer.concat([text('one'), bytes]));
    await new Promise(setImmediate);
    read(text('two'));

    expect(received).toEqual(['one', 'error']);
  });

  it('come in their order, with all else, wherever the bytes are cut', () => {
    const payload = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom('y'.repeat(125), 'y'.repeat(126), 'y'.repeat(65_535), 'y'.repeat(65_536)),
    );
    const message = fc.oneof(
      { weight: 6, arbitrary: payload.map((all) => ({ sent: text(all), expected: [all] })) },
      payload.map((all) => ({
        sent: frame({ opcode: opcodes.binary, payload: all }),
        expected: [`binary ${all}`],
      })),
      fc.string({ maxLength: 20 }).map((all) => ({
        sent: frame({ opcode: opcodes.ping, payload: all }),
        expected: [`ping ${all}`],
      })),
      fc.tuple(payload, payload).map(([head, tail]) => ({
        sent: Buffer.concat([
          frame({ opcode: opcodes.text, payload: head, fin: false }),
          frame({ opcode: opcodes.ping, payload: 'between' }),
          frame({ opcode: opcodes.continuation, payload: tail }),
        ]),
        expected: ['ping between', head + tail],
      })),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 20 }),
        fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const { received, read } = openSocket();
          const bytes = Buffer.concat(messages.map(({ sent }) => sent));
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const length = (cuts[i % cuts.length] ?? 0) + 1 + (i > 200 ? 50_000 : 0);
            read(bytes.subarray(at, at + length));
            at += length;
          }
          expect(received).toEqual(messages.flatMap(({ expected }) => expected));
        },
      ),
    );
  });
});
