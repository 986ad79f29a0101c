/** Publishes through Redis from a process that serves nobody. */
import { answerCommands, settings } from './answer-commands.mjs';
import { createBroker, topicOf } from './brokers.mjs';
import { SteadyPublisher } from './steady-publisher.mjs';

const broker = createBroker({ kind: 'redis', url: settings.url });
const publisher = new SteadyPublisher(topicOf(broker));

answerCommands(
  {},
  {
    start: (input) => publisher.start(input),
    stop: () => publisher.stop(),
  },
);
