import type { Writable } from 'node:stream';

import * as ws from 'ws';

// which the types do not know
const { PerMessageDeflate, Receiver } = ws as unknown as {
  readonly PerMessageDeflate: new (options: object) => {
    accept(responses: readonly object[]): void;
  };
  readonly Receiver: new (options: object) => Writable;
};

/** What the client of `ws` reads from the frames in `bytes`: texts, and `ping` for a ping without payload. Rejects at what no server may send. */
export function readFrames(bytes: Uint8Array): Promise<readonly string[]> {
  return read(bytes, new Receiver({ isServer: false }));
}

/** The same on a connection with `permessage-deflate`, whose server keeps no context and a window of `windowBits`. */
export function readCompressedFrames(
  bytes: Uint8Array,
  windowBits = 15,
): Promise<readonly string[]> {
  const extension = new PerMessageDeflate({ isServer: false });
  extension.accept([
    { server_no_context_takeover: [true], server_max_window_bits: [String(windowBits)] },
  ]);
  const extensions = { 'permessage-deflate': extension };
  return read(bytes, new Receiver({ isServer: false, extensions }));
}

function read(bytes: Uint8Array, receiver: Writable): Promise<readonly string[]> {
  const texts: string[] = [];
  receiver.on('message', (message: Buffer, isBinary: boolean) =>
    texts.push(isBinary ? 'binary' : message.toString('utf8')),
  );
  receiver.on('ping', (payload: Buffer) => texts.push(`ping${payload.toString('utf8')}`));
  return new Promise((resolve, reject) => {
    receiver.on('error', reject);
    receiver.on('finish', () => resolve(texts));
    receiver.end(bytes);
  });
}
