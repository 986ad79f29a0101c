import { utf8Length } from '../../protocol/index.ts';

const tooBig = JSON.stringify({
  data: null,
  errors: [
    {
      message: 'The result is larger than what can be pushed.',
      extensions: { code: 'RESULT_TOO_BIG' },
    },
  ],
});

/** The frame that `encode` makes of a result, or of an error in its place if that is larger than `frameBytes`; `undefined` if it makes none. */
export function encodeWithin(
  frameBytes: number,
  resultText: string,
  encode: (resultText: string) => string | undefined,
): string | undefined {
  const frame = encode(resultText);
  return frame === undefined || utf8Length(frame) <= frameBytes ? frame : encode(tooBig);
}
