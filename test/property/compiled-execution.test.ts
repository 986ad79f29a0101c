import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import { createCase } from '../support/execution-cases/run-case.ts';

/** More of them: `npm run test:long`. */
const cases = Number(process.env['EXECUTION_CASES'] ?? 2_000);
const seed = process.env['EXECUTION_SEED'];

const numbers = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(0x3f_ff_ff_ff), { minLength: length / 4, maxLength: length, size: 'max' });

describe('an operation that was compiled', () => {
  it('is answered as graphql-js answers it, which calls the same functions', async () => {
    await fc.assert(
      fc.asyncProperty(
        numbers(160),
        numbers(200),
        numbers(40),
        async (schema, operation, values) => {
          const question = createCase({ schema, operation, values });

          const expected = await question.run(createReferenceEngine());
          const actual = await question.run(createCompiledEngine());

          expect(actual, question.text).toEqual(expected);
        },
      ),
      { numRuns: cases, ...(seed && { seed: Number(seed) }) },
    );
  }, 1_200_000);
});
