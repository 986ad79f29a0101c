import { describe, expect, it } from 'vitest';

import type { Carrier } from '../support/carriers/carrier.ts';
import type { CarrierName } from '../support/carriers/index.ts';
import { carriers } from '../support/carriers/index.ts';
import type { Question } from './question.ts';
import { questions } from './questions/index.ts';
import type { Course, Verdict } from './verdict.ts';
import { put } from './verdict.ts';

const all = Object.entries(carriers) as readonly (readonly [CarrierName, Carrier])[];

const obstacleOf = (carrier: Carrier, { kind }: Question): string | undefined =>
  carrier.refuses[kind]?.code;

/** Those that the question is put to. */
function carriersOf({ leavesOut = {} }: Question): readonly (readonly [CarrierName, Carrier])[] {
  return all.filter(([name]) => leavesOut[name] === undefined);
}

function toVerdict({ wordsDiffer }: Question, { results, end, hidden }: Course): Verdict {
  const hidesWords = wordsDiffer !== undefined && typeof end !== 'string';
  return {
    results,
    hidden,
    end: hidesWords
      ? end.map(({ extensions }) => ({ message: '', extensions: { code: extensions?.['code'] } }))
      : end,
  };
}

const endOf = ({ end }: Pick<Verdict, 'end'>): unknown =>
  typeof end === 'string' ? end : (end[0]?.extensions?.['code'] ?? 'none');

const nothing = { connections: 0, operations: 0, deadlines: 0, readers: 0, sources: 0 };

/** The value that all have to have. */
function everywhere(values: object, value: unknown): object {
  return Object.fromEntries(Object.keys(values).map((name) => [name, value]));
}

describe.each(questions)('$title', (question) => {
  it(`ends with ${question.ends} on every transport, after the same results and hooks`, async () => {
    const verdicts: Record<string, Verdict> = {};
    const hooks: Record<string, readonly string[]> = {};
    const remains: Record<string, unknown> = {};
    for (const [name, carrier] of carriersOf(question)) {
      if (obstacleOf(carrier, question) !== undefined) continue;
      const course = await put(question, carrier);
      verdicts[name] = toVerdict(question, course);
      if (carrier.passesNoHooks === undefined) hooks[name] = course.hooks;
      remains[name] = { ...course.left, running: course.sessions.begun - course.sessions.ended };
    }

    const [first] = Object.values(verdicts);
    expect(verdicts).toEqual(everywhere(verdicts, first));
    expect(first && endOf(first)).toBe(question.ends);
    expect(hooks).toEqual(everywhere(hooks, Object.values(hooks)[0]));
    expect(remains).toMatchObject(everywhere(remains, { ...nothing, running: 0 }));
  });
});

const refusals = questions.flatMap((question) =>
  carriersOf(question).flatMap(([name, carrier]) => {
    const code = obstacleOf(carrier, question);
    return code === undefined ? [] : [{ title: question.title, name, code, carrier, question }];
  }),
);

it.each(refusals)('$title is refused with $code by $name', async ({ question, carrier, code }) => {
  const { end, results, left } = await put(question, carrier);

  expect([endOf({ end }), results]).toEqual([code, []]);
  expect(left).toMatchObject(nothing);
});
