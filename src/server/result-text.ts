import type { FormattedResult } from '../vocabulary.ts';

/** One result and its JSON text, which is the same for everybody who gets it. */
export class ResultText {
  readonly text: string;
  readonly result: FormattedResult;

  constructor(text: string, result: FormattedResult) {
    this.text = text;
    this.result = result;
  }
}
