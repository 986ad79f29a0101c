/** Millrace with one subscription field, as its documentation says, except for the limits that a script raises. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';

import { createBroker } from '../../brokers/kinds.mjs';
import { answerCommands, settings } from './answer-commands.mjs';
import { topicOf } from './messages.mjs';
import { Executions, createSchema } from './schema.mjs';
import { SteadyPublisher } from './steady-publisher.mjs';

const delayResolutionMs = 5;

const broker = await createBroker(settings.broker);
const topic = topicOf(broker);
const executions = new Executions();
const server = createServer({
  schema: createSchema(topic, executions),
  broker,
  limits: settings.limits,
  // all processes of a deployment have the same
  resume: { keys: [{ id: 'bench', secret: 'a secret of more than thirty-two bytes' }] },
});
const running = await listen(server, {
  port: 0,
  host: '127.0.0.1',
  ...(settings.drainWindowMs !== undefined && { drain: { windowMs: settings.drainWindowMs } }),
});
const publisher = new SteadyPublisher(topic);
const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
delay.enable();

answerCommands(
  { url: running.url, port: running.port },
  {
    start: (input) => publisher.start(input),
    stop: () => publisher.stop(),
    stats,
  },
);

function stats() {
  const maxDelayMs = Math.max(0, delay.max / 1e6 - delayResolutionMs);
  delay.reset();
  const { calls, again } = executions;
  return { maxDelayMs, calls, again, ...server.gauges(), sharing: server.sharing() };
}
