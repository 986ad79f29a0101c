import type { ByteString, ResponseFraming, ResultEnvelope } from '../protocol/index.ts';
import { toByteString } from '../protocol/index.ts';
import type { FormattedResult } from '../vocabulary.ts';
import { LargeResultFrames, ResultFrames, largeResultLength } from './result-frames.ts';

/**
 * One result and its JSON text, which is the same for everybody who gets it.
 *
 * @remarks
 * What derives from the text is made when the first recipient needs it, and kept for the others. There are as many envelopes and framings as protocols.
 */
export class ResultText {
  readonly text: string;
  readonly result: FormattedResult;
  #frames: readonly (ResultFrames | LargeResultFrames)[] = none;
  /** Those that were asked for last: neighbours mostly have the same protocol. */
  #latest: ResultFrames | LargeResultFrames | undefined;
  #pieces: readonly StreamPiece[] = none;

  constructor(text: string, result: FormattedResult) {
    this.text = text;
    this.result = result;
  }

  /** Its WebSocket frames in `envelope`. */
  framesIn(envelope: ResultEnvelope): ResultFrames | LargeResultFrames {
    if (this.#latest?.envelope === envelope) return this.#latest;
    this.#latest =
      this.#frames.find((frames) => frames.envelope === envelope) ?? this.#makeFrames(envelope);
    return this.#latest;
  }

  #makeFrames(envelope: ResultEnvelope): ResultFrames | LargeResultFrames {
    const Frames = this.text.length < largeResultLength ? ResultFrames : LargeResultFrames;
    const made = new Frames(envelope, this.text);
    this.#frames = [...this.#frames, made];
    return made;
  }

  /** Its piece of a response stream in `framing`. */
  pieceIn(framing: ResponseFraming): ByteString {
    const [first] = this.#pieces;
    if (first?.framing === framing) return first.bytes;
    const known = this.#pieces.find((piece) => piece.framing === framing);
    if (known) return known.bytes;
    const bytes = toByteString(framing.result(this.text));
    this.#pieces = [...this.#pieces, { framing, bytes }];
    return bytes;
  }
}

interface StreamPiece {
  readonly framing: ResponseFraming;
  readonly bytes: ByteString;
}

const none: readonly never[] = [];
