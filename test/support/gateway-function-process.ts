import process from 'node:process';

import { createClient } from 'redis';

import { createFunctions } from '../../examples/gateway/functions.ts';
import type { FunctionRequest } from './gateway-processes.ts';

const redis = await createClient({ url: process.argv[2] ?? '' }).connect();

const answer = async ({ id, work, pushUrl, prefix }: FunctionRequest): Promise<void> => {
  // an instance that has never been called
  const { gateway, handle } = createFunctions({ redis, pushUrl, prefix });
  const result =
    work.kind === 'event'
      ? await handle(work.event)
      : await gateway.publish('messages', work.message, { key: work.message.room });
  process.send?.({ id, result });
};

process.on('message', (request: FunctionRequest) => void answer(request));
process.once('disconnect', () => redis.destroy());
process.send?.({ ready: true });
