import { check, describeViolation } from './checker.ts';
import type { Verdict } from './checker.ts';
import type { Programs } from './fleet.ts';
import type { Scenario } from './scenario.ts';
import { Stage } from './stage.ts';
import type { RunSize } from './stage.ts';

/** What one run of a scenario came to. */
export interface Outcome {
  readonly scenario: string;
  readonly broker: string;
  readonly clients: number;
  readonly processes: number;
  readonly published: number;
  readonly delivered: number;
  readonly resumes: number;
  readonly gaps: number;
  readonly announcedMissing: number;
  readonly suppressed: number;
  /** Operations that had to be asked for again. */
  readonly ends: number;
  readonly lost: number;
  readonly reordered: number;
  /** Whatever else a client could not know: events that came twice or were changed, gaps that are none, wrong counts, errors. */
  readonly undetected: number;
  readonly durationMs: number;
  /** What has to be mended, for people to read. */
  readonly faults: readonly string[];
}

/** Options of {@link runScenario}. */
export interface RunOptions {
  readonly programs: Programs;
  readonly size: RunSize;
  readonly seed: number;
}

/** Raises a stage, lets the fault happen on it, and has all accounts checked. */
export async function runScenario(
  scenario: Scenario,
  { programs, size, seed }: RunOptions,
): Promise<Outcome> {
  const startedAt = performance.now();
  const { store, liveness } = scenario;
  const stage = await Stage.raise({ programs, store, liveness, size, seed });
  try {
    await stage.pause(500);
    await scenario.fault(stage);
    await stage.finish();
  } finally {
    await stage.close();
  }
  return judge(scenario, stage, performance.now() - startedAt);
}

function judge(scenario: Scenario, stage: Stage, durationMs: number): Outcome {
  const { journal } = stage.publisher;
  const judged = stage.accounts.map((account) => ({
    account,
    verdict: check(account, journal.of(account.stream)),
  }));
  const sum = (figure: (verdict: Verdict) => number): number =>
    judged.reduce((total, { verdict }) => total + figure(verdict), 0);
  const events = (...kinds: readonly string[]): number =>
    sum(({ violations }) =>
      violations.reduce((total, each) => total + (kinds.includes(each.kind) ? each.events : 0), 0),
    );
  const [gaps, lost, reordered] = [sum((each) => each.gaps), events('lost'), events('reordered')];
  return {
    scenario: scenario.name,
    broker: scenario.store.broker,
    clients: stage.clients.length,
    processes: stage.fleet.servers.length,
    published: journal.size,
    delivered: sum((each) => each.delivered),
    resumes: sum((each) => each.resumes),
    gaps,
    announcedMissing: sum((each) => each.announcedMissing),
    suppressed: sum((each) => each.suppressed),
    ends: sum((each) => each.ends),
    lost,
    reordered,
    undetected: events('duplicate', 'false-gap', 'miscounted', 'corrupt', 'misplaced', 'failed'),
    durationMs,
    faults: [
      ...judged.flatMap(({ account, verdict }) =>
        verdict.violations.map((violation) => describeViolation(account, violation)),
      ),
      ...forbiddenGaps(scenario, stage),
      ...(scenario.losesEvents && gaps === 0 ? ['nobody was told of events that are lost'] : []),
      ...stage.fleet.servers.flatMap(({ complaints }, i) =>
        complaints ? [`server ${i + 1}: ${complaints}`] : [],
      ),
    ],
  };
}

/** Losses that were announced, but should not have been. */
function forbiddenGaps({ permits }: Scenario, { accounts }: Stage): readonly string[] {
  return accounts.flatMap(({ owner: { client, transport }, entries }) =>
    entries.flatMap((entry) =>
      entry.kind === 'gap' && !permits.includes(entry.reason ?? '')
        ? [`${client} over ${transport} was told of a gap for no reason: ${JSON.stringify(entry)}`]
        : [],
    ),
  );
}
