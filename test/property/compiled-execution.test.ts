import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createCompiledEngine,
  createReferenceEngine,
} from '../../src/execution/reference-engine.ts';
import { Choices } from '../support/execution-cases/choices.ts';
import { chooseAbortPoint, createCase } from '../support/execution-cases/run-case.ts';
import { countUnhandledRejections } from '../support/unhandled-rejections.ts';

/** `npm run test:long` asks for more. */
const cases = Number(process.env['COMPARED_CASES'] ?? 2_000);

const numbers = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(0x3f_ff_ff_ff), { minLength: length / 4, maxLength: length, size: 'max' });

const unhandled = countUnhandledRejections();

describe('an operation that was compiled', () => {
  it(`is answered as graphql-js answers it, which calls the same functions, in ${cases} cases`, async () => {
    let compared = 0;
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

          expect({ ...actual, data: expected.data, text }).toEqual({ ...expected, text });
          expect({ unhandled: unhandled.count, text }).toEqual({ unhandled: 0, text });
          compared += 1;
        },
      ),
      { numRuns: cases },
    );

    expect(compared).toBe(cases);
  }, 7_200_000);

  it(`is left as graphql-js leaves it by a function that aborts it, in up to ${cases} cases`, async () => {
    let aborted = 0;
    await fc.assert(
      fc.asyncProperty(
        numbers(160),
        numbers(200),
        numbers(40),
        fc.nat(),
        async (schema, operation, values, choice) => {
          const question = createCase({ schema, operation, values });
          const whole = await question.run(createReferenceEngine());
          const point = chooseAbortPoint(whole, new Choices([choice]));
          if (!point) return;
          const { text } = question;
          const { call } = point;

          const expected = await question.run(createReferenceEngine(), point);
          unhandled.count = 0;
          const actual = await question.run(createCompiledEngine(), point);

          expect({ ...actual, data: expected.data, text, call }).toEqual({
            ...expected,
            text,
            call,
          });
          expect({ unhandled: unhandled.count, text }).toEqual({ unhandled: 0, text });
          aborted += 1;
        },
      ),
      { numRuns: cases },
    );

    expect(aborted).toBeGreaterThan(cases / 10);
  }, 7_200_000);
});
