import { createClient } from 'redis';

import { createFunctions } from './functions.ts';
import { startLocalGateway } from './local-gateway.ts';

const redis = await createClient({
  url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
}).connect();
const gateway = await startLocalGateway(Number(process.env['PORT'] ?? 4000));

const prefix = process.env['PREFIX'] ?? 'gateway-example';

// each call gets an instance of its own: whatever one of them remembered would be gone
gateway.invoke = (event) =>
  createFunctions({ redis, pushUrl: gateway.pushUrl, prefix }).handle(event);

console.log(`GraphQL over WebSocket at ${gateway.url}`);
