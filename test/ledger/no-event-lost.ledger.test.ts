import { existsSync } from 'node:fs';
import process from 'node:process';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Programs } from './fleet.ts';
import { runScenario } from './run-scenario.ts';
import type { Outcome } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { createScenarios } from './scenarios.ts';
import type { RunSize } from './stage.ts';
import { replaceTable, toRow, toTable } from './summary.ts';

/** Set by `run.mjs`. */
const length = process.env['LEDGER_LENGTH'] === 'long' ? 'long' : 'short';
const seed = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1e9));
const size: RunSize =
  length === 'long'
    ? {
        clients: 200,
        intervalMs: 100,
        liveness: { pingAfterMs: 2_000, answerMs: 2_500 },
        patienceMs: 60_000,
      }
    : {
        clients: 30,
        intervalMs: 40,
        liveness: { pingAfterMs: 1_000, answerMs: 1_500 },
        patienceMs: 20_000,
      };

/** Where people read what a run came to. */
const report = new URL('../../docs/reliability.md', import.meta.url);

/** Of three processes the third is of this version; on what it cannot be, nothing is tried. */
const earlier = process.env['LEDGER_EARLIER'];
const scenarios = createScenarios({ length }).filter(
  ({ store }) =>
    earlier === undefined ||
    (store.broker !== 'memory' && existsSync(`${earlier}/src/broker/${store.broker}.ts`)),
);
let programs: Programs | undefined;
const outcomes = new Map<Scenario, Outcome>();

beforeAll(async () => {
  programs = await Programs.build(earlier);
});

afterAll(async () => {
  await programs?.remove();
  const table = toTable(scenarios.flatMap((scenario) => outcomes.get(scenario) ?? []));
  process.stdout.write(`\n${table}\n\nseed ${seed}\n`);
  if (process.env['LEDGER_UPDATE'] === 'yes') replaceTable(report, table);
});

// mostly they wait; long ones are to be judged each by itself
const options = { concurrent: length === 'short' };

describe('no event is lost without a word, none comes out of order or twice', options, () => {
  it.each(scenarios.map((scenario) => [scenario.store.broker, scenario.name, scenario] as const))(
    '%s: %s',
    async (_broker, _name, scenario) => {
      if (!programs) throw new Error('nothing was built');
      const outcome = await runScenario(scenario, { programs, size, seed });
      outcomes.set(scenario, outcome);
      if (length === 'long') process.stdout.write(`${toRow(outcome)}\n`);

      expect(outcome.faults.slice(0, 5).join('\n'), `seed ${seed}`).toBe('');
      expect(outcome.faults).toHaveLength(0);
    },
  );
});
