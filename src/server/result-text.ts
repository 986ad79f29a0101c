import type { ResponseFraming } from '../protocol/index.ts';
import type { FormattedResult } from '../vocabulary.ts';
import type { DeflatedEnvelope } from './compression.ts';
import type { ResumeMark } from './resume/resume-subject.ts';
import { framesOf } from './result-frames.ts';
import type { LargeResultFrames, ResultFrames } from './result-frames.ts';
import { StreamPiece } from './stream-piece.ts';

/**
 * One result and its JSON text, which is the same for everybody who gets it.
 *
 * @remarks
 * What derives from the text is made when the first recipient needs it, and kept for the others. There are as many envelopes and framings as protocols.
 */
export class ResultText {
  readonly text: string;
  readonly result: FormattedResult;
  /** All of them, once there are several. */
  #frames: readonly (ResultFrames | LargeResultFrames)[] = none;
  /** Those that were asked for last: neighbours mostly have the same protocol. */
  #latestFrames: ResultFrames | LargeResultFrames | undefined;
  #pieces: readonly StreamPiece[] = none;
  #latestPiece: StreamPiece | undefined;
  /** Where it stands in its log, if it stands in one. */
  mark: ResumeMark | undefined;
  /** Whether it carries its token, for a client that wants to know what it misses, or is what such a client is told. */
  standing: 'none' | 'resumable' | 'report' = 'none';
  #resumable: ResultText | undefined;

  constructor(text: string, result: FormattedResult) {
    this.text = text;
    this.result = result;
  }

  /** The same result with a token in `extensions.resume`, for those who asked for one. */
  get resumable(): ResultText {
    const resumable = this.#resumable ?? withToken(this, this.mark?.token);
    this.#resumable = resumable;
    resumable.mark = this.mark;
    return resumable;
  }

  /** Its WebSocket frames in `envelope`. */
  framesIn(envelope: DeflatedEnvelope): ResultFrames | LargeResultFrames {
    if (this.#latestFrames?.envelope === envelope) return this.#latestFrames;
    this.#latestFrames =
      this.#frames.find((frames) => frames.envelope === envelope) ?? this.#makeFrames(envelope);
    return this.#latestFrames;
  }

  /** Its text in a response stream of `framing`, which may say where it stands. */
  textIn(framing: ResponseFraming): string {
    return framing.result(this.text, framing.position && this.mark?.token);
  }

  /** Its piece of a response stream in `framing`. */
  pieceIn(framing: ResponseFraming): StreamPiece {
    if (this.#latestPiece?.framing === framing) return this.#latestPiece;
    this.#latestPiece =
      this.#pieces.find((piece) => piece.framing === framing) ?? this.#makePiece(framing);
    return this.#latestPiece;
  }

  #makeFrames(envelope: DeflatedEnvelope): ResultFrames | LargeResultFrames {
    const made = framesOf(envelope, this.text);
    const latest = this.#latestFrames;
    if (latest) this.#frames = this.#frames.length === 0 ? [latest, made] : [...this.#frames, made];
    return made;
  }

  #makePiece(framing: ResponseFraming): StreamPiece {
    const made = new StreamPiece(framing, this.textIn(framing));
    this.#pieces = [...this.#pieces, made];
    return made;
  }
}

/** What stands between the results of a response stream, in its own words. */
export class StreamMark extends ResultText {
  constructor(text: string) {
    super(text, {});
    this.standing = 'report';
  }

  override textIn(): string {
    return this.text;
  }
}

function withToken(given: ResultText, token: string | undefined): ResultText {
  const { text, result } = given;
  if (token === undefined) return given;
  const extensions = { ...result.extensions, resume: { token } };
  const marked = { ...result, extensions };
  // what is there already is not written again, unless it is in the way
  const markedText =
    result.extensions || text === '{}'
      ? JSON.stringify(marked)
      : `${text.slice(0, -1)},"extensions":${JSON.stringify(extensions)}}`;
  const resumable = new ResultText(markedText, marked);
  resumable.standing = 'resumable';
  return resumable;
}

const none: readonly never[] = [];
