/** One of several processes over the same Redis, whose URL is in `BENCH_REDIS_URL`. */
import process from 'node:process';

import { createRedisBroker } from 'millrace/broker/redis';

import { serveMillrace } from './millrace-server.mjs';

const broker = createRedisBroker({ url: process.env['BENCH_REDIS_URL'] ?? '' });
// all processes of a deployment have the same key
const resume = { keys: [{ id: 'bench', secret: 'a secret of more than thirty-two bytes' }] };
await serveMillrace('graphql-transport-ws', { resume }, broker);
