// npm run test:faults [-- [--long] [--seed <number>] [<words of the name of a scenario>]]
//
// --long: 200 clients and the full durations; --seed: repeats what a run chose at random.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { long: { type: 'boolean' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const pattern = positionals.join(' ').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const child = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'ledger', '--testNamePattern', pattern],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      LEDGER_LENGTH: values.long ? 'long' : 'short',
      ...(values.seed !== undefined && { LEDGER_SEED: values.seed }),
    },
  },
);
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
