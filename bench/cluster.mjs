/**
 * Several processes over one Redis: what idle subscriptions hold, and what a delivery costs where others deliver, too.
 *
 *     node bench/cluster.mjs [--sections idle,delivery] [--short]
 *                            [--processes 6] [--clients 16700] [--rooms 100] [--minutes 10]
 *                            [--several 3] [--listeners 1000] [--windows 1,8] [--rounds 5] [--seconds 2]
 *
 * `idle`: each of `processes` has so many `clients`, each with a socket and a subscription of its own: 100,200 in all. They are held for so many
 * `minutes`; then every client has to get an event. A process needs a file for each client, so do the generators: `ulimit -n` above 18,000.
 *
 * `delivery`: one process with so many `listeners`, and `several` of them with as many each; every event goes to all clients of all processes.
 */
import { readFlags } from './harness/flags.mjs';
import { runBench } from './harness/run-bench.mjs';
import { measureDelivery } from './cluster/delivery.mjs';
import { measureIdle } from './cluster/idle.mjs';
import { formatFigures } from './recovery/stage/figures.mjs';

const flags = readFlags(
  {
    sections: ['idle', 'delivery'],
    processes: 6,
    clients: 16_700,
    rooms: 100,
    minutes: 10,
    several: 3,
    listeners: 1_000,
    windows: ['1', '8'],
    rounds: 5,
    seconds: 2,
  },
  { clients: 2_000, minutes: 0.5, rounds: 3, seconds: 1 },
);
const sections = { idle: measureIdle, delivery: measureDelivery };

await runBench('cluster', async (lab) => {
  const measured = [];
  for (const name of flags.sections) {
    if (!Object.hasOwn(sections, name)) throw new Error(`no section ${name}`);
    const section = sections[/** @type {keyof typeof sections} */ (name)]; // it is an own key
    const { figures, details } = await section(lab, flags);
    console.log(`\n${formatFigures(figures)}\n`);
    measured.push({ name, figures, details });
  }
  return { flags, measured };
});
