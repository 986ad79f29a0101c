import type { DeflatedEnvelope } from '../../src/server/compression.ts';
import { ResultFrames, framesOf } from '../../src/server/result-frames.ts';

/** The frames of a result that is copied for each client. */
export function smallFrames(envelope: DeflatedEnvelope, resultText: string): ResultFrames {
  const frames = framesOf(envelope, resultText);
  if (frames instanceof ResultFrames) return frames;
  throw new Error('the text is too long');
}
