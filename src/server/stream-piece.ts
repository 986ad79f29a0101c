import { toByteString } from '../protocol/index.ts';
import type { ByteString, ResponseFraming } from '../protocol/index.ts';
import type { Outbox, Writing } from './outbox.ts';
import { largeResultLength } from './result-frames.ts';

/** One result as it stands in the response streams of all who get it in the same framing. */
export class StreamPiece {
  readonly framing: ResponseFraming;
  readonly bytes: ByteString | Uint8Array;

  constructor(framing: ResponseFraming, text: string) {
    this.framing = framing;
    this.bytes =
      text.length < largeResultLength ? toByteString(text) : new TextEncoder().encode(text);
  }

  writeTo(outbox: Outbox): Writing {
    const { bytes } = this;
    return typeof bytes === 'string' ? outbox.write(bytes) : outbox.writeShared('', bytes);
  }
}
