import { createServer as createHttpServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import type { ServerGauges } from 'millrace/server';

import { loadPages } from '../chat/static-pages.ts';
import { brokerOf } from './brokers/index.ts';
import { Messages } from './messages.ts';
import type { Message } from './messages.ts';
import { createSchema } from './schema.ts';

const {
  PORT = '4000',
  SERVER_NAME = 'server',
  BROKER = 'redis',
  BROKER_URL = '',
  RESUME_SECRET = '',
  TICK_MS = '1000',
  READINESS_DELAY_MS = '1000',
  DRAIN_MS = '2000',
} = process.env;
const path = '/graphql';

const self = { name: SERVER_NAME, pid: process.pid };
const broker = await brokerOf(BROKER).openBroker(BROKER_URL);
const messages = new Messages(broker.topic<Message>('messages'), self);
const server = createServer({
  schema: createSchema(messages, self),
  broker,
  // a token that one process wrote is read by the others: that is why nobody has to come back to the same one
  resume: { keys: [{ id: 'cluster', secret: RESUME_SECRET }] },
});
let isReady = true;

const servePage = await loadPages(new URL('../pages/', import.meta.url));
const httpServer = createHttpServer((request, response) => {
  const [pathname = '/'] = (request.url ?? '/').split('?');
  switch (pathname) {
    case '/livez': // the process turns; a broker that is away is no reason to kill it
      response.end('alive\n');
      return;
    case '/readyz': // 404 says to HAProxy: nobody new, and whoever is here may stay
      response.writeHead(isReady ? 200 : 404).end(isReady ? 'ready\n' : 'leaving\n');
      return;
    case '/metrics': // what says how many of these processes it takes
      response.end(toMetrics(server.gauges()));
      return;
    default:
      servePage(pathname, request, response);
  }
});
const attachment = attach(server, httpServer, { path });
// npm passes on the signal that the terminal has sent to everyone already: one may come twice
process.on('SIGTERM', () => void leave());
process.on('SIGINT', () => void stop());
// whoever supervises it is gone
process.on('disconnect', () => void stop());
process.channel?.unref();
httpServer.listen(Number(PORT), () => messages.tick(Number(TICK_MS)));

/** As Prometheus reads it. */
function toMetrics(gauges: ServerGauges): string {
  const lines = Object.entries(gauges).map(
    ([name, value]) => `# TYPE millrace_${name} gauge\nmillrace_${name} ${value}\n`,
  );
  return lines.join('');
}

/** Makes room for the next version of this process: the balancer sends nobody any more, then the clients leave one after the other. */
async function leave(): Promise<void> {
  if (!isReady) return;
  isReady = false;
  await pause(Number(READINESS_DELAY_MS));
  await attachment.drain({ windowMs: Number(DRAIN_MS) });
  await stop();
}

async function stop(): Promise<void> {
  messages.stop();
  httpServer.close();
  await attachment.close();
  await broker.close();
  httpServer.closeAllConnections();
}
