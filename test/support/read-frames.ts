import type { Writable } from 'node:stream';

import * as ws from 'ws';

// which the types do not know
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: { readonly isServer: boolean }) => Writable;
};

/** What the client of `ws` reads from the frames in `bytes`: texts, and `ping` for a ping without payload. Rejects at what no server may send. */
export function readFrames(bytes: Uint8Array): Promise<readonly string[]> {
  const read: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (message: Buffer, isBinary: boolean) =>
    read.push(isBinary ? 'binary' : message.toString('utf8')),
  );
  receiver.on('ping', (payload: Buffer) => read.push(`ping${payload.toString('utf8')}`));
  return new Promise((resolve, reject) => {
    receiver.on('error', reject);
    receiver.on('finish', () => resolve(read));
    receiver.end(bytes);
  });
}
