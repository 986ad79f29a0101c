import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import { createCase } from '../support/execution-cases/run-case.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';

/** `npm run test:long` has them take an hour. */
const cases = process.env['MODE'] === 'long' ? 100_000 : 2_000;

const numbers = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(0x3f_ff_ff_ff), { minLength: length / 4, maxLength: length, size: 'max' });

const unhandled = countUnhandledRejections();

describe('an operation that was compiled', () => {
  it('is answered as graphql-js answers it, which calls the same functions', async () => {
    await fc.assert(
      fc.asyncProperty(
        numbers(160),
        numbers(200),
        numbers(40),
        async (schema, operation, values) => {
          const question = createCase({ schema, operation, values });
          const { text } = question;

          const expected = await question.run(createReferenceEngine());
          unhandled.count = 0;
          const actual = await question.run(createCompiledEngine());

          expect({ ...actual, text }).toEqual({ ...expected, text });
          expect({ unhandled: unhandled.count, text }).toEqual({ unhandled: 0, text });
        },
      ),
      { numRuns: cases },
    );
  }, 7_200_000);
});
