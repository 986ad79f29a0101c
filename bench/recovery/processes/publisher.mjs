/** Publishes through Redis from a process that serves nobody. */
import { createBroker } from '../../brokers/kinds.mjs';
import { answerCommands, settings } from './answer-commands.mjs';
import { topicOf } from './messages.mjs';
import { SteadyPublisher } from './steady-publisher.mjs';

const broker = await createBroker({ kind: 'redis', url: settings.url });
const publisher = new SteadyPublisher(topicOf(broker));

answerCommands(
  {},
  {
    start: (input) => publisher.start(input),
    stop: () => publisher.stop(),
  },
);
