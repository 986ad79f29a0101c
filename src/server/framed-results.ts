import { distinctFraming, toByteString, utf8Length } from '../protocol/index.ts';
import type { ResponseFraming } from '../protocol/index.ts';
import type { Outbox, Writing } from './outbox.ts';
import type { ResultText } from './result-text.ts';
import type { ResultPolicy, ResultReader } from './slow-consumer.ts';

/** The results of the one operation that a response stream carries. */
export class FramedResults implements ResultReader {
  framing: ResponseFraming = distinctFraming;
  policy: ResultPolicy = 'keep';
  droppedResults = 0;

  get id(): string {
    return '';
  }

  writeTo(outbox: Outbox, result: ResultText): Writing {
    return outbox.takesBytes
      ? result.pieceIn(this.framing).writeTo(outbox)
      : outbox.write(result.textIn(this.framing));
  }

  writeEnd(outbox: Outbox, message: string): Writing {
    return outbox.writeMessage(outbox.takesBytes ? toByteString(message) : message);
  }

  bytesOf(result: ResultText): number {
    return utf8Length(result.textIn(this.framing));
  }
}
